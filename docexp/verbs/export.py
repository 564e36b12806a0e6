"""``docexp export``: a trained run as a folder that plain transformers opens."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.opened import one_run, open_checkpoint, open_run
from docexp.verbs.words import default_runs, split_words

if TYPE_CHECKING:
    from docexp.runs.resolve import ResolvedRun

HELP = """usage: docexp export RUN out=DIR [checkpoint=last|best] [pages=N|all] [data.KEY=value …]

Writes model, configuration with label names, tokenizer, processor and a model card, in the hub's
layout; then opens the folder in plain transformers and compares it with docexp on test pages, by
logits, predictions and score. Only a folder that computes the same is left there. What transformers
cannot compute is refused, with the reason.

  docexp export 3fa91c0b77de out=~/funsd-layoutlmv3
  docexp export experiment=finetune/funsd,seed=1 out=exported checkpoint=best pages=all

  RUN            an identity or its beginning, a run's folder, or settings separated by commas
  out=DIR        the folder to make; it must not be there
  checkpoint=…   default: the one that the run is scored by
  pages=N|all    pages to compare, spread over the test split (default: 16)
  data.KEY=…     as data.shards=DIR, where the pages have moved
  runs=DIR       where runs are looked for (default: runs)
"""
ARGUMENTS = {"out": "folder", "checkpoint": "last|best", "pages": "text", "runs": "folder"}
GROUPS = ("data",)
FLAGS = ("--help", "-h")
RUNS = True
PAGES = 16
"""Pages that are compared unless more are asked for."""


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs the verb."""
    split = split_words(words, ARGUMENTS, FLAGS)
    if split.flags or not words:
        print(HELP)
        return 0
    name, overrides = one_run(split, "export")
    if "out" not in split.arguments:
        raise DocexpError("export needs a folder to make: out=DIR")
    return _export(name, split.arguments, overrides, Project.at(project_dir))


def _export(name: str, arguments: dict[str, str], overrides: Sequence[str], project: Project) -> int:
    pages = _pages(arguments.get("pages", str(PAGES)))
    runs = Path(arguments.get("runs") or default_runs())
    resolved = open_run(name, runs, "export", overrides, project, groups=GROUPS)
    _check_data(resolved)
    checkpoint = open_checkpoint(resolved, arguments.get("checkpoint"))

    from docexp.inference.export import export

    made = export(resolved, checkpoint, Path(arguments["out"]).expanduser(), pages)
    print(
        f"{made.folder}: {made.model_class} of run {resolved.identity}, {checkpoint.name}\n"
        f"scored again through plain transformers, {made.scored}: {made.agreement}\n"
        f"{made.metric} {100 * made.theirs:.1f} there and {100 * made.ours:.1f} here"
    )
    if made.licence:
        print(f"licence of the weights it started from: {made.licence}")
    return 0


def _check_data(run: "ResolvedRun") -> None:
    from docexp.runs.environment import read_environment

    trained = read_environment(run.folder).get("extras", {}).get("data")
    if trained != run.corpora.checksum:
        places = ", ".join(run.settings.data.places().values())
        raise DocexpError(
            f"{places} holds other pages than run {run.identity} was trained on, and the model card "
            "tells of those. Say where they are: data.shards=DIR."
        )


def _pages(text: str) -> int | None:
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise DocexpError(f"pages={text} must be a whole number, at least 1, or all")
    return int(text)
