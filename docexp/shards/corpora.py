"""What a run reads its pages from: one corpus or several, their rows counted on from one to the next."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Protocol

from docexp.documents.page import Page
from docexp.shards.index import Index
from docexp.shards.mixture import MixedOrder, round_counts
from docexp.shards.order import Order, Stream, TrainingOrder
from docexp.shards.read import ShardReader
from docexp.shards.share import SharedRows

Rows = Sequence[int]


@dataclass(frozen=True)
class Corpora:
    """One corpus, or a mixture of several; a single one has the rows, the checksum and the order that its index has.

    Args:
        name: how tables and protocols call them together.
        names: of each corpus; in a mixture they stand before keys and tars.
        indices: of each corpus.
        weights: of each corpus in training, relative to each other.
    """

    name: str
    names: tuple[str, ...]
    indices: tuple[Index, ...]
    weights: tuple[float, ...]

    @classmethod
    def single(cls, index: Index) -> "Corpora":
        """One corpus alone."""
        return cls(index.name, (index.name,), (index,), (1.0,))

    @property
    def mixed(self) -> bool:
        """Whether there are several."""
        return len(self.indices) > 1

    @cached_property
    def checksum(self) -> str:
        """Stands for the pages, and for the shares they are drawn with: the data's part of a run's identity."""
        if not self.mixed:
            return self.indices[0].checksum
        parts = [[index.checksum, count] for index, count in zip(self.indices, self._counts, strict=True)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def firsts(self) -> list[int]:
        """The number of each corpus' row 0."""
        return [0, *accumulate(len(index) for index in self.indices)][:-1]

    def place(self, row: int) -> tuple[int, int]:
        """Which corpus a row belongs to, and its row there."""
        corpus = bisect_right(self.firsts, row) - 1
        return corpus, row - self.firsts[corpus]

    def has(self, split: str) -> bool:
        """Whether any corpus has pages in a split."""
        return any(split in index.splits and len(index.split(split)) for index in self.indices)

    def rows(self, split_of: Callable[[Index], str | None]) -> Rows:
        """The rows of the split that each corpus gives, one corpus after the other; one without it gives none."""
        ranges = []
        for first, index in zip(self.firsts, self.indices, strict=True):
            split = split_of(index)
            if split is not None and (not self.mixed or all(part in index.splits for part in split.split("+"))):
                rows = index.split(split)
                ranges.append(range(first + rows.start, first + rows.stop))
        return ranges[0] if len(ranges) == 1 else [row for rows in ranges for row in rows]

    def order(
        self,
        split_of: Callable[[Index], str],
        seed: int,
        global_batch: int,
        block_shards: int,
        *,
        share: float = 1.0,
        most: int | None = None,
    ) -> TrainingOrder:
        """The order of training on the split that each corpus gives: on a ``share`` of its documents, or on its first
        ``most`` rows, whatever the share.

        Raises:
            DocexpError: a corpus has no pages there.
        """
        rows = [index.split(split_of(index))[:most] for index in self.indices]
        starts = [index.shard_starts(own) for index, own in zip(self.indices, rows, strict=True)]
        whole = share == 1 or most is not None
        chosen = [
            None if whole else SharedRows.of(index, own, share) for index, own in zip(self.indices, rows, strict=True)
        ]
        if not self.mixed:
            return Order(rows[0], starts[0], seed, global_batch, block_shards, chosen[0])
        streams = (
            Stream(own, start, seed, block_shards, first, int(index.checksum[:8], 16), those)
            for own, start, first, index, those in zip(rows, starts, self.firsts, self.indices, chosen, strict=True)
        )
        return MixedOrder(tuple(streams), self._counts, seed, global_batch)

    def reader(self, *, complete: bool = True) -> "PageReader":
        """Reads pages by row; ``complete`` as of ``ShardReader``."""
        readers = tuple(ShardReader(index, complete=complete) for index in self.indices)
        return MixtureReader(self, readers) if self.mixed else readers[0]

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        return round_counts(self.weights, self.names)


class PageReader(Protocol):
    """Reads pages by row: a ``ShardReader``, or several of them as one."""

    def read(self, row: int) -> Page:
        """The page of a row."""
        ...

    def key(self, row: int) -> str:
        """The sample's key, like no other's."""
        ...

    def members(self, row: int) -> Mapping[str, bytes]:
        """All members of a row's sample by suffix."""
        ...

    def shard_name(self, row: int) -> str:
        """The name of the tar that a row lies in."""
        ...


@dataclass(frozen=True)
class MixtureReader:
    """The pages of several corpora by their common rows; keys and tars have their corpus' name before them."""

    corpora: Corpora
    readers: tuple[ShardReader, ...]

    def read(self, row: int) -> Page:
        """The page of a row.

        Raises:
            DocexpError: as ``ShardReader.read``.
        """
        corpus, own = self.corpora.place(row)
        return self.readers[corpus].read(own)

    def key(self, row: int) -> str:
        """The corpus' name and the sample's WebDataset key."""
        corpus, own = self.corpora.place(row)
        return f"{self.corpora.names[corpus]}/{self.readers[corpus].key(own)}"

    def members(self, row: int) -> Mapping[str, bytes]:
        """As ``ShardReader.members``."""
        corpus, own = self.corpora.place(row)
        return self.readers[corpus].members(own)

    def shard_name(self, row: int) -> str:
        """The corpus' name and the tar's."""
        corpus, own = self.corpora.place(row)
        return f"{self.corpora.names[corpus]}/{self.readers[corpus].shard_name(own)}"
