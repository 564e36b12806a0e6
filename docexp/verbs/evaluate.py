"""``docexp evaluate``: a trained run scored on a split, of its own data or another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docexp.config.compose import compose
from docexp.config.fill import fill
from docexp.config.project import Project
from docexp.config.schema import GROUPS as SCHEMAS
from docexp.config.sources import Sources
from docexp.errors import DocexpError, choice
from docexp.inputs.settings import PageSettings
from docexp.settings import hints_of
from docexp.verbs.train import from_plain
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
    names, overrides = split.names, split.overrides
    if not names and overrides and overrides[0].startswith("experiment="):
        names, overrides = overrides[:1], overrides[1:]
    if len(names) != 1:
        raise DocexpError("evaluate takes one run: an identity, a folder, or experiment=…. See: docexp evaluate --help")
    return _evaluate(names[0], split.arguments, overrides, project)


def _evaluate(name: str, arguments: dict[str, str], overrides: Sequence[str], project: Project) -> int:
    from docexp.inputs.tokenizer import load_tokenizer
    from docexp.runs.find import find
    from docexp.runs.resolve import ResolvedRun, check_pages, open_corpora

    folder = find(name, Path(arguments.get("runs") or default_runs()), project)
    config = folder.read_config()
    plain = changed(config, overrides, project)
    settings = from_plain(plain, project, str(folder.config))
    settings.hardware.check_present()
    corpora = open_corpora(settings.data)
    check_pages(settings, corpora)
    split = arguments.get("split", "test")
    if not corpora.has(split):
        corpora.indices[0].split(split)  # says which there are
    tokenizer = load_tokenizer(str(folder.tokenizer))
    resolved = ResolvedRun(settings, corpora, tokenizer, None, {}, folder.identity, folder)

    from docexp.runs.log import RunLog
    from docexp.training.checkpoint_io import pointed
    from docexp.training.evaluate import evaluate, record

    selection = settings.trainer.selection
    which = arguments.get("checkpoint", "last" if selection == "last" else "best")
    choice("checkpoint", which, tuple(ARGUMENTS["checkpoint"].split("|")))
    checkpoint = pointed(folder.checkpoints, which)
    if checkpoint is None:
        hint = ": only trainer.selection=best_… keeps one. Take checkpoint=last." if which == "best" else "."
        raise DocexpError(f"run {folder.identity} has no {which} checkpoint in {folder.checkpoints}{hint}")
    with RunLog(folder.log) as log:
        scores = evaluate(resolved, checkpoint, corpora, split)
        place = record(resolved, scores)
        log.say(scores.text)
        log.say("protocol: " + " · ".join(f"{key} {value}" for key, value in scores.protocol.items()))
        log.say(f"{place}")
    return 0


def changed(config: dict[str, Any], overrides: Sequence[str], project: Project) -> dict[str, Any]:
    """A run's configuration with other data or hardware.

    ``data=…`` changes where the pages come from, and nothing about how they are read; ``data.KEY=…`` changes that.

    Raises:
        DocexpError: an override of anything but data and hardware, which would be another model than was trained.
    """
    plain = {**config, "data": dict(config["data"]), "hardware": {**config["hardware"], "devices": 1}}
    composed = compose(overrides, project)
    chosen = composed.config
    for group in GROUPS:  # first as typed, so that a refusal names the command line
        fill(chosen[group], group, SCHEMAS[group], Sources(composed))
    for word in overrides:
        key = word.lstrip("+").partition("=")[0]
        group, _, name = key.partition(".")
        if group not in ("data", "hardware"):
            raise DocexpError(f"{word}: evaluate takes data and hardware settings; the rest is the trained run's own")
        if name:
            plain[group][name.partition(".")[0]] = chosen[group][name.partition(".")[0]]
        elif group == "hardware":
            plain["hardware"] = chosen["hardware"]
        else:
            how = set(hints_of(PageSettings)) - {"name"}
            where = {part: value for part, value in chosen["data"].items() if part not in how}
            plain["data"] = where | {part: value for part, value in plain["data"].items() if part in how}
    return plain
