"""``docexp data tokenize-images``."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.verbs.data_commands.common import as_typed, composed_data, counting, say_made, split_command, whole_number

GRID = 14
"""Codes on a side unless ``grid`` says otherwise: one for each patch of 16 pixels of an image of 224."""


def run(words: Sequence[str], project: Project) -> int:
    """The same shards with image codes."""
    split = split_command(words, "tokenize-images")
    for name, what in (("tokenizer", "PLACE, a folder of an image tokenizer or run:…"), ("out", "DIR, the new folder")):
        if name not in split.arguments:
            raise DocexpError(f"docexp data tokenize-images needs {name}={what}.")
    grid, jobs = whole_number(split, "grid", GRID), whole_number(split, "jobs", 1)
    data, composed = composed_data(split.overrides, project, "tokenize-images")

    from docexp.objectives.image_tokenizer.pages import PagesTokenizer
    from docexp.runs.resolve import open_index
    from docexp.shards.tokenize import Tokenization

    index = open_index(data)
    with counting(index.name) as count:
        made = Tokenization(
            index,
            partial(PagesTokenizer, split.arguments["tokenizer"], Path(composed.config["paths"]["runs"])),
            grid,
            Path(split.arguments["out"]).expanduser(),
            as_typed("tokenize-images", words),
            jobs=jobs,
            again="--again" in split.flags,
            progress=count,
        ).run()
    say_made(made, None)
    return 0
