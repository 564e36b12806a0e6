"""``docexp study …``: the runs that a paper's table needs, planned, made, watched and put together."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from docexp.config.project import Project
from docexp.verbs.words import chosen_command

HELP = """usage: docexp study COMMAND STUDY [scale=…] [hardware=…] [paths.KEY=…]

A study is a folder with a study.yaml: rows × tasks × seeds, each a chain of stages. It says which
runs should exist; those that are there already are never made again.

  plan        what exists, what is missing, and what that costs
                docexp study plan experiments/quickstart
                speed=50 assumes so many pages per second where none was measured
  run         make what is missing: interrupted, killed or failed, the same command goes on
                docexp study run experiments/quickstart hydra.launcher.parallel=2
                hydra/launcher=… starts the runs elsewhere; --again also makes anew what was
                made by code that has changed since (the old is kept)
  status      how far each run is, and why one failed
                docexp study status experiments/quickstart
  cancel      end what is running; run goes on from there
                docexp study cancel experiments/quickstart
  report      the table: mean ± 95 % interval over seeds, against the baseline, beside the paper
                docexp study report experiments/quickstart
                --json prints the same as json, unrounded

  scale=NAME  one of the scales that the study describes (default: paper)
  hardware    and paths are set for all runs; hardware.precision makes other runs of them
"""
COMMANDS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "plan": ({"scale": "text", "speed": "text"}, (), ("hardware", "paths")),
    "run": ({"scale": "text"}, ("--again",), ("hardware", "paths", "hydra/launcher")),
    "status": ({"scale": "text"}, (), ("hardware", "paths")),
    "cancel": ({"scale": "text"}, (), ("hardware", "paths")),
    "report": ({"scale": "text"}, ("--json",), ("hardware", "paths")),
}
"""Each command's arguments with what their values are, its flags, and the groups of which it takes settings."""
STUDIES = True


def run(words: Sequence[str], project_dir: Path | None) -> int:
    """Runs one of the commands: the file of its name in ``study_commands``."""
    chosen = chosen_command("study", words, COMMANDS)
    if chosen is None:
        print(HELP)
        return 0
    command, rest = chosen
    module = importlib.import_module(f"docexp.verbs.study_commands.{command}")
    return module.run(rest, Project.at(project_dir))
