"""``docexp evaluate``: a trained run scored on a split, of its own data or another."""

from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.verbs.opened import one_run, open_checkpoint, open_run
from docexp.verbs.words import default_runs, split_words

HELP = """usage: docexp evaluate RUN [data=…] [split=test] [checkpoint=last|best] [key=value …]

Scores a run's checkpoint and keeps the evaluation in the run's folder.

  docexp evaluate 3fa91c0b77de
  docexp evaluate experiment=finetune/funsd,seed=1 split=minival
  docexp evaluate 3fa91c0b77de data=synthetic_forms data.box_level=line

  RUN         an identity or its beginning, a run's folder, or settings separated by commas
  data=…      other data; labels, boxes and windows stay the run's unless data.KEY=… changes them
  hardware=…  where to compute; hardware.KEY=… for its parts
  runs=DIR    where runs are looked for (default: runs)
"""
ARGUMENTS = {"split": "train|validation|test|minival", "checkpoint": "last|best", "runs": "folder"}
GROUPS = ("data", "hardware")
FLAGS = ("--help", "-h")
RUNS = True


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs the verb."""
    split = split_words(words, ARGUMENTS, FLAGS)
    if split.flags or not words:
        print(HELP)
        return 0
    project = Project.at(project_dir)
    name, overrides = one_run(split, "evaluate")
    return _evaluate(name, split.arguments, overrides, project)


def _evaluate(name: str, arguments: dict[str, str], overrides: Sequence[str], project: Project) -> int:
    runs = Path(arguments.get("runs") or default_runs())
    resolved = open_run(name, runs, "evaluate", overrides, project, groups=GROUPS)
    split = arguments.get("split", "test")
    if not resolved.corpora.has(split):
        resolved.corpora.indices[0].split(split)  # says which there are

    from docexp.runs.log import RunLog
    from docexp.training.evaluate import evaluate, record

    checkpoint = open_checkpoint(resolved, arguments.get("checkpoint"))
    with RunLog(resolved.folder.log) as log:
        scores = evaluate(resolved, checkpoint, resolved.corpora, split)
        place = record(resolved, scores)
        for sentence in (scores.text, *scores.remarks):
            log.say(sentence)
        log.say("protocol: " + " · ".join(f"{key} {value}" for key, value in scores.protocol.items()))
        log.say(f"{place}")
    return 0
