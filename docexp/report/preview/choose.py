"""Which pages of a set are shown."""

from collections.abc import Sequence

import numpy as np

from docexp.errors import DocexpError, nearest
from docexp.shards.index import Index
from docexp.shards.members import sample_key
from docexp.shards.read import ShardReader

MOST = 200
"""Pages of one file: some 40 MB, which a browser still opens at once."""


def drawn(rows: range, pages: int, seed: int) -> list[int]:
    """So many rows, drawn by ``seed``, in their order; all of them where there are no more.

    Raises:
        DocexpError: more than ``MOST`` are asked for.
    """
    if pages > MOST:
        raise DocexpError(f"pages={pages}: a preview holds at most {MOST}. Ask for fewer, or for some by ids=…")
    chosen = np.random.default_rng(seed).choice(len(rows), min(pages, len(rows)), replace=False)
    return [rows[int(number)] for number in np.sort(chosen)]


def named(reader: ShardReader, rows: range, ids: Sequence[str]) -> list[int]:
    """The rows of the pages with these ids, in the order of ``ids``. Keys are looked through one after the other.

    Raises:
        DocexpError: there is no such page among ``rows``, or more than ``MOST`` are asked for.
    """
    if len(ids) > MOST:
        raise DocexpError(f"{len(ids)} ids: a preview holds at most {MOST}")
    wanted = {key: page_id for page_id in ids for key in (page_id, sample_key(page_id))}
    found: dict[str, int] = {}
    some: list[str] = []
    for row in rows:
        key = reader.key(row)
        if key in wanted:
            found.setdefault(wanted[key], row)
            if len(found) == len(set(ids)):
                break
        elif len(some) < 10_000:
            some.append(key)
    missing = [page_id for page_id in ids if page_id not in found]
    if missing:
        close = nearest(missing[0], some) or some[:1]
        hint = f" Nearest: {close[0]}." if close else ""
        raise DocexpError(f"{reader.index.folder} has no page {missing[0]!r} among the {len(rows):,} looked at.{hint}")
    return [found[page_id] for page_id in ids]


def rows_of(index: Index, split: str | None) -> range:
    """The rows of a split, or of all."""
    return range(len(index)) if split is None else index.split(split)
