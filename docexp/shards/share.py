"""A share of the documents in a range of rows: the axis of corpus size, and the pages that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from docexp.shards.index import TABLE, Index
from docexp.shards.table import open_table

PIECE = 2**18
"""Rows that are looked at in one go: 10 MB of the table, for some milliseconds."""


@dataclass(frozen=True)
class SharedRows(Sequence[int]):
    """The rows of ``rows`` whose documents have a hash of ``lowest`` or more, ascending.

    Documents are ordered by their hashes, which know nothing of what they hold, and the highest are taken. So a smaller
    share lies within every greater one, a document is never divided, and minival, which has the lowest hashes, takes
    nothing away. The table is read piece by piece and never kept: a process holds the counts of the pieces alone.

    Args:
        table: the file of the index's table.
        length: its rows.
        rows: the rows of a split.
        lowest: of the hashes that belong to the share.
    """

    table: Path
    length: int
    rows: range
    lowest: int

    @classmethod
    def of(cls, index: Index, rows: range, share: float) -> Self:
        """The share of the documents of ``rows``, rounded up to a whole document."""
        table = index.folder / TABLE
        return cls(table, len(index), rows, _lowest(table, len(index), index.table_sha256, rows, share))

    def between(self, first: int, stop: int) -> NDArray[np.int64]:
        """Those from row ``first`` to row ``stop`` (excluded)."""
        return _between(self, first, stop)

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, number: int) -> int: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[int]: ...
    def __getitem__(self, number: int | slice) -> int | Sequence[int]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(f"{len(self)} rows, none of number {number}")
        piece = int(np.searchsorted(self._ends, number, side="right"))
        return int(self._piece(piece)[number - int(self._ends[piece])])  # counted from the piece's end

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """How many there are up to the end of each piece."""
        return np.cumsum([len(self._piece(number)) for number in range(ceil(len(self.rows) / PIECE))])

    def _piece(self, number: int) -> NDArray[np.int64]:
        first = self.rows.start + number * PIECE
        return self.between(first, min(first + PIECE, self.rows.stop))


@lru_cache(maxsize=8)
def _between(shared: SharedRows, first: int, stop: int) -> NDArray[np.int64]:
    hashes = open_table(shared.table, shared.length)["document"][first:stop]
    rows = first + np.flatnonzero(hashes >= shared.lowest)
    rows.setflags(write=False)
    return rows


@lru_cache(maxsize=64)
def _lowest(table: Path, length: int, sha256: str, rows: range, share: float) -> int:
    del sha256  # a set made anew in the same folder is another
    names = np.unique(open_table(table, length)["document"][rows.start : rows.stop])
    return int(names[-ceil(share * len(names))])
