"""What lies in a set, in numbers: as plain data, and as tables to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docexp.shards.contents import Contents
from docexp.shards.index import Index

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_LABELLED = {
    "entities": "entities (of which without a word that is not blank)",
    "relations": "relations",
    "regions": "regions",
    "document_classes": "document classes",
    "annotations": "pages annotated with",
}


@dataclass(frozen=True)
class SplitStatistics:
    """A split, its contents, and the fewest, the median and the most words on a page."""

    name: str
    contents: Contents
    fewest_words: int
    median_words: float
    most_words: int


def statistics(index: Index) -> list[SplitStatistics]:
    """Every split; where training pages were held out, the whole of ``train+minival`` comes before its parts."""
    names = list(index.splits)
    if {"train", "minival"} <= set(names):
        names.insert(0, "train+minival")
    return [_split(index, name) for name in names]


def render(splits: Sequence[SplitStatistics]) -> RenderableType:
    """For a rich console: a table of the splits, then one for each kind of label that occurs."""
    from rich.console import Group

    kinds = [kind for kind in _LABELLED if any(getattr(split.contents, kind) for split in splits)]
    return Group(_overview(splits), *(_labels(splits, kind) for kind in kinds))


def _overview(splits: Sequence[SplitStatistics]) -> Table:
    from rich.table import Table

    table = Table(title="pages, and the fewest, median and most words on one")
    table.add_column("split", overflow="fold", no_wrap=True)
    for head in ("pages", "documents", "words", "fewest", "median", "most", "questions"):
        table.add_column(head, justify="right", no_wrap=True)
    for split in splits:
        contents = split.contents
        table.add_row(
            split.name,
            *(f"{count:,}" for count in (contents.pages, contents.documents, contents.words, split.fewest_words)),
            f"{split.median_words:,g}",
            *(f"{count:,}" for count in (split.most_words, contents.questions)),
        )
    return table


def _labels(splits: Sequence[SplitStatistics], kind: str) -> Table:
    from rich.table import Table

    table = Table(title=_LABELLED[kind])
    table.add_column("name", overflow="fold")
    for split in splits:
        table.add_column(split.name, justify="right", overflow="fold")
    for label in sorted({label for split in splits for label in getattr(split.contents, kind)}):
        table.add_row(label, *(_cell(split.contents, kind, label) for split in splits))
    return table


def _split(index: Index, name: str) -> SplitStatistics:
    contents = index.contents(name)
    words = index.table["words"][contents.rows.start : contents.rows.stop]
    return SplitStatistics(name, contents, int(words.min()), float(np.median(words)), int(words.max()))


def _cell(contents: Contents, kind: str, label: str) -> str:
    count = getattr(contents, kind).get(label, 0)
    wordless = count - contents.entities_with_words.get(label, 0) if kind == "entities" else 0
    return f"{count:,} ({wordless:,})" if wordless else f"{count:,}"
