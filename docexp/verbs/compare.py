"""``docexp compare``: runs side by side."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from docexp.config.project import Project
from docexp.verbs.words import default_runs, split_words

HELP = """usage: docexp compare RUN … [baseline=LABEL] [runs=DIR] [--json]

A table of runs: what differs in their settings, their scores, and mean ± 95 % interval over seeds.

  docexp compare 3fa91c0b77de 91ab00c1d2e3
  docexp compare experiment=finetune/funsd
  docexp compare experiment=finetune/funsd,model=layoutlmv3_tiny experiment=other baseline=text

  RUN             an identity or its beginning, a run's folder, or settings separated by commas
  baseline=LABEL  the row that the others are compared with (default: the first)
  runs=DIR        where runs are looked for (default: runs)
  --json          the same as json, unrounded
"""
ARGUMENTS = {"baseline": "text", "runs": "folder"}
FLAGS = ("--json", "--help", "-h")
RUNS = True


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs the verb."""
    from docexp.report.compare import compare
    from docexp.runs.find import find_all

    split = split_words(words, ARGUMENTS, FLAGS)
    if split.flags & {"--help", "-h"} or not words:
        print(HELP)
        return 0
    project = Project.at(project_dir)
    runs = Path(split.arguments.get("runs") or default_runs())
    folders = [run for name in [*split.names, *split.overrides] for run in find_all(name, runs, project)]
    table = compare(folders, split.arguments.get("baseline", ""))
    if "--json" in split.flags:
        print(json.dumps(table.to_json(), indent=1, ensure_ascii=False))
    else:
        table.render(Console(highlight=False))
    return 0
