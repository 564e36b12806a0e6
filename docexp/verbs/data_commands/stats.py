"""``docexp data stats``."""

from collections.abc import Sequence

from rich.console import Console

from docexp.config.project import Project
from docexp.verbs.data_commands.common import opened

PIPED = 160
"""Columns of a table that goes into a file or pipe, where nothing may be cut."""


def run(words: Sequence[str], project: Project) -> int:
    """What a set of shards holds."""
    from docexp.shards.stats import render, statistics

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED
    console.print(render(statistics(opened(words, project, "stats"))))
    return 0
