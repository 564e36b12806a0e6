"""What lies in a set, in numbers: as plain data, and as tables to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from docexp.shards.contents import Contents
from docexp.shards.index import Index
from docexp.shards.measure import Measured

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_LABELLED = {
    "entities": "entities (of which without a word that is not blank)",
    "relations": "relations",
    "regions": "regions",
    "document_classes": "document classes",
    "document_tags": "document tags (a document may have several)",
    "annotations": "pages annotated with",
}


WORD_STEPS = (0, 1, 26, 51, 101, 201, 401, 801, 1601)
"""Where the rows of the table of words on a page begin."""


@dataclass(frozen=True)
class SplitStatistics:
    """A split, its contents, and the fewest, the median and the most words on a page.

    ``pages_by_words`` holds, for each of ``WORD_STEPS``, the pages with so many words up to the next step.
    """

    name: str
    contents: Contents
    fewest_words: int
    median_words: float
    most_words: int
    pages_by_words: tuple[int, ...]


def statistics(index: Index) -> list[SplitStatistics]:
    """Every split; where training pages were held out, the whole of ``train+minival`` comes before its parts."""
    names = list(index.splits)
    if {"train", "minival"} <= set(names):
        names.insert(0, "train+minival")
    return [_split(index, name) for name in names]


def render(splits: Sequence[SplitStatistics], measured: Sequence[Measured] = ()) -> RenderableType:
    """For a rich console: the splits, words on a page, each kind of label that occurs, then what was read off pages."""
    from rich.console import Group

    kinds = [kind for kind in _LABELLED if any(getattr(split.contents, kind) for split in splits)]
    read = [table for table in (_sizes(measured), _tokens(measured)) if table is not None]
    return Group(_overview(splits), _words(splits), *(_labels(splits, kind) for kind in kinds), *read)


def as_json(splits: Sequence[SplitStatistics], measured: Sequence[Measured]) -> dict[str, Any]:
    """The same as plain json values."""
    return {
        "word_steps": list(WORD_STEPS),
        "splits": [
            {f.name: getattr(split, f.name) for f in fields(split) if f.name != "contents"} | split.contents.to_json()
            for split in splits
        ],
        "read": [
            {
                "name": part.name,
                "pages": part.rows,
                "of": part.of,
                "width": _three(part.widths),
                "height": _three(part.heights),
            }
            | ({} if part.tokens is None else {"tokens": _three(part.tokens), "beyond_a_window": part.beyond_a_window})
            for part in measured
        ],
    }


def _three(values: np.ndarray) -> dict[str, float]:
    return {"least": float(values.min()), "median": float(np.median(values)), "most": float(values.max())}


def _words(splits: Sequence[SplitStatistics]) -> Table:
    from rich.table import Table

    table = Table(title="pages by the number of their words")
    table.add_column("words", justify="right")
    for split in splits:
        table.add_column(split.name, justify="right", overflow="fold")
    names = [f"{low:,}" if low + 1 == high else f"{low:,} to {high - 1:,}" for low, high in pairwise(WORD_STEPS)]
    for row, name in enumerate([*names, f"{WORD_STEPS[-1]:,} or more"]):
        if any(split.pages_by_words[row] for split in splits):
            table.add_row(name, *(f"{split.pages_by_words[row]:,}" for split in splits))
    return table


def _sizes(measured: Sequence[Measured]) -> Table | None:
    from rich.table import Table

    if not measured:
        return None
    table = Table(title="width and height in pixels: smallest, median, largest")
    for head in ("split", "pages read", "width", "height", "width of height"):
        table.add_column(head, justify="left" if head == "split" else "right")
    for part in measured:
        shape = np.median(part.widths / part.heights)
        spans = [f"{v.min():g} · {np.median(v):g} · {v.max():g}" for v in (part.widths, part.heights)]
        table.add_row(part.name, f"{part.rows:,} of {part.of:,}", *spans, f"{100 * shape:.0f} %")
    return table


def _tokens(measured: Sequence[Measured]) -> Table | None:
    from rich.table import Table

    if not any(part.tokens is not None for part in measured):
        return None
    table = Table(title="tokens on a page, special ones apart")
    for head in ("split", "pages read", "fewest", "median", "95 % have at most", "most", "beyond one window of 512"):
        table.add_column(head, justify="left" if head == "split" else "right")
    for part in measured:
        assert part.tokens is not None
        values = part.tokens.min(), np.median(part.tokens), np.quantile(part.tokens, 0.95), part.tokens.max()
        beyond = f"{100 * part.beyond_a_window:.1f} %"
        table.add_row(part.name, f"{part.rows:,} of {part.of:,}", *(f"{value:,.0f}" for value in values), beyond)
    return table


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
    if kind != "annotations":
        table.add_column("share", justify="right")
    own = [split.contents for split in splits if "+" not in split.name]
    whole = sum(count for contents in own for count in getattr(contents, kind).values())
    for label in sorted({label for split in splits for label in getattr(split.contents, kind)}):
        of_all = sum(getattr(contents, kind).get(label, 0) for contents in own)
        share = [f"{100 * of_all / whole:.1f} %"] if kind != "annotations" else []
        table.add_row(label, *(_cell(split.contents, kind, label) for split in splits), *share)
    return table


def _split(index: Index, name: str) -> SplitStatistics:
    contents = index.contents(name)
    words = index.table["words"][contents.rows.start : contents.rows.stop]
    counts = np.bincount(np.searchsorted(WORD_STEPS, words, side="right") - 1, minlength=len(WORD_STEPS))
    return SplitStatistics(
        name, contents, int(words.min()), float(np.median(words)), int(words.max()), tuple(counts.tolist())
    )


def _cell(contents: Contents, kind: str, label: str) -> str:
    count = getattr(contents, kind).get(label, 0)
    wordless = count - contents.entities_with_words.get(label, 0) if kind == "entities" else 0
    return f"{count:,} ({wordless:,})" if wordless else f"{count:,}"
