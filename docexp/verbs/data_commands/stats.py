"""``docexp data stats``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from rich.console import Console

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.verbs.data_commands.common import counting, data_settings, file_to_write, split_command, whole_number

PIPED = 160
"""Columns of a table that goes into a file or pipe, where nothing may be cut."""

PAGES = 1000
"""Pages of each split that are read for sizes and tokens, unless ``pages`` says otherwise."""

Encode = Callable[[str], Sequence[int]]


def run(words: Sequence[str], project: Project) -> int:
    """What a set of shards holds."""
    from docexp.runs import atomic
    from docexp.runs.resolve import open_index
    from docexp.shards.measure import measure
    from docexp.shards.stats import as_json, render, statistics

    split = split_command(words, "stats")
    pages, plot = whole_number(split, "pages", PAGES), file_to_write(split, "plot", (".png", ".svg", ".pdf"))
    index = open_index(data_settings(split.overrides, project, "stats"))
    encode = _encode(split.arguments.get("tokenizer"), index)
    splits = statistics(index)
    with counting(str(index.folder)) as count:
        measured = list(measure(index, pages, encode, count))
    if plot is not None:
        from docexp.report.stats_plot import plot as draw

        with atomic.mendable(plot, "Choose another plot=FILE.png."):
            draw(index, measured, plot)
    codes = index.facts.codes
    if "--json" in split.flags:
        facts = {"name": index.name, "codes": asdict(codes) if codes else None}
        print(json.dumps({**facts, **as_json(splits, measured)}, indent=1, ensure_ascii=False))
        return 0
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED
    console.print(render(splits, measured))
    if codes is not None:
        print(f"image codes: {codes}")
    if plot is not None:
        print(f"drawn: {plot}")
    return 0


def _encode(tokenizer: str | None, index: Index) -> Encode | None:
    if tokenizer is None:
        return None
    from docexp.inputs.data_tokenizer import data_tokenizer
    from docexp.inputs.tokenizer import load_tokenizer
    from docexp.shards.corpora import Corpora

    if not tokenizer.startswith("data:"):
        return load_tokenizer(tokenizer).encode_word
    size = tokenizer.removeprefix("data:")
    if not (size.isascii() and size.isdigit()):
        raise DocexpError(f"tokenizer={tokenizer} must be a folder, a hub id, or data:N as in data:4096")
    return data_tokenizer(Corpora.single(index), int(size)).encode_word
