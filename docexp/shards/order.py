"""The order of training: which samples form global batch k of epoch e, and who gets them. Pure functions throughout.

Samples are numbered; as long as every entry of an index yields one, a sample's number is its row, or in a mixture its
row counted on from corpus to corpus. Nothing here knows of ranks and workers but ``slots``, and nothing at all of time,
so a run may be stopped and continued anywhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docexp.errors import DocexpError

BLOCK_ROWS = 2**18
"""A block of more samples is cut, so that its permutation (2 MB) and the time to draw it (some 25 ms) stay bounded."""

_BLOCKS, _ROWS, _SAMPLE, _BATCH = 0, 1, 2, 3  # what a stream of random numbers is for


class Slot(NamedTuple):
    """A place in a micro-batch. A ``filler`` repeats another sample and counts nowhere."""

    number: int
    filler: bool


class ChosenRows(Protocol):
    """Some rows of a corpus."""

    def between(self, first: int, stop: int) -> NDArray[np.int64]:
        """Those from row ``first`` to row ``stop`` (excluded), ascending."""
        ...


class Blocks(NamedTuple):
    """The blocks of a stream, ``[n]`` each: the ``first`` row, over how many rows it ``reaches``, and how many of
    these are samples: its ``size``."""

    first: NDArray[np.int64]
    reach: NDArray[np.int64]
    size: NDArray[np.int64]


class Draws(NamedTuple):
    """The samples of a global batch, ``[n]``, and of each the epoch that its corpus is in, ``[n]``."""

    rows: NDArray[np.int64]
    epochs: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stream:
    """The samples of one corpus, gone through again and again, shuffled by blocks of consecutive shards.

    An epoch goes through the blocks in an order of its own and through each block's samples in an order of its own, so
    that reading stays local.

    Args:
        rows: the corpus' samples in its index (``Index.split``).
        shard_starts: the first sample of every shard, ascending from ``rows.start`` (``Index.shard_starts``).
        seed: of the order alone, 0 to 2**64 - 1.
        block_shards: consecutive shards that are shuffled together.
        first: the number of the index's row 0 among the samples of all corpora.
        salt: tells corpora apart that are drawn from with one seed, 0 to 2**32 - 1.
        chosen: which of the rows are gone through; unset: all.
    """

    rows: range
    shard_starts: ArrayLike
    seed: int
    block_shards: int = 8
    first: int = 0
    salt: int = 0
    chosen: ChosenRows | None = None

    def __post_init__(self) -> None:
        if not self.rows:
            raise DocexpError("there are no samples to bring into an order: the split is empty")
        if not 0 <= self.seed < 2**64 or self.block_shards < 1:
            raise DocexpError("seed must be 0 to 2**64 - 1, block_shards 1 or more")
        if self.chosen is not None:
            _ = self.blocks  # data workers are sent what is known, and need not count again

    def __len__(self) -> int:
        return len(self.rows) if self.chosen is None else int(self.blocks.size.sum())

    def part(self, epoch: int, first: int, last: int) -> NDArray[np.int64]:
        """The samples ``first`` to ``last`` (excluded) of an epoch, in order; the same time wherever they stand."""
        sizes, order = self.blocks.size, self.block_order(epoch)
        ends = np.cumsum(sizes[order])
        number = int(np.searchsorted(ends, first, side="right"))
        parts = []
        while first < last:
            block, end = int(order[number]), int(ends[number])
            begin = end - int(sizes[block])
            inside = _permutation(_key(_ROWS, self.seed, epoch, block, self.salt), int(sizes[block]))
            parts.append(self.first + self._rows_of(block, inside[first - begin : last - begin]))
            first, number = end, number + 1
        return np.concatenate(parts)

    def turns(self, first: int, last: int) -> Draws:
        """The samples ``first`` to ``last`` (excluded) of all epochs one after the other."""
        rows, epochs = [], []
        while first < last:
            epoch, begin = divmod(first, len(self))
            end = min(begin + last - first, len(self))
            rows.append(self.part(epoch, begin, end))
            epochs.append(np.full(end - begin, epoch))
            first += end - begin
        return Draws(np.concatenate(rows), np.concatenate(epochs))

    def block_at(self, epoch: int, number: int) -> tuple[int, int]:
        """The epoch, and which of its blocks (counted in its order) holds the epoch's sample ``number``."""
        ends = np.cumsum(self.blocks.size[self.block_order(epoch)])
        return epoch, int(np.searchsorted(ends, number, side="right"))

    def two_blocks(self, epoch: int, place: int) -> list[range]:
        """The rows of the epoch's block ``place`` and of the one that comes after it, perhaps in the next epoch."""
        starts, reach, _ = self.blocks
        after = (epoch, place + 1) if place + 1 < len(starts) else (epoch + 1, 0)
        numbers = [int(self.block_order(of)[where]) for of, where in ((epoch, place), after)]
        return [range(int(starts[number]), int(starts[number] + reach[number])) for number in numbers]

    def block_order(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of the blocks in the order that an epoch takes them."""
        return _permutation(_key(_BLOCKS, self.seed, epoch, 0, self.salt), len(self.blocks.size))

    @cached_property
    def blocks(self) -> Blocks:
        """All that have samples; none reaches beyond ``BLOCK_ROWS`` rows."""
        starts = np.asarray(self.shard_starts, np.int64)[:: self.block_shards]
        sizes = np.diff(starts, append=self.rows.stop)
        if starts[0] != self.rows.start or (sizes <= 0).any():
            raise ValueError("shard_starts must ascend from rows.start and stay below rows.stop")
        cuts = -(-sizes // BLOCK_ROWS)
        piece = np.arange(cuts.sum()) - np.repeat(np.cumsum(cuts) - cuts, cuts)
        first = np.repeat(starts, cuts) + piece * np.repeat(sizes, cuts) // np.repeat(cuts, cuts)
        reach = np.diff(first, append=self.rows.stop)
        if self.chosen is None:
            return Blocks(first, reach, reach)
        chosen = [
            len(self.chosen.between(*ends)) for ends in zip(first.tolist(), (first + reach).tolist(), strict=True)
        ]
        size = np.array(chosen, np.int64)
        there = size > 0
        return Blocks(first[there], reach[there], size[there])

    def _rows_of(self, block: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of a block's samples by their numbers in it."""
        first = int(self.blocks.first[block])
        if self.chosen is None:
            return first + numbers
        return self.chosen.between(first, first + int(self.blocks.reach[block]))[numbers]


class TrainingOrder(ABC):
    """Which samples form global batch ``k`` of epoch ``e``: of one corpus an ``Order``, of several a ``MixedOrder``."""

    global_batch: int

    @abstractmethod
    def corpora(self) -> tuple[Stream, ...]:
        """Each corpus' own order."""

    @property
    @abstractmethod
    def batches_per_epoch(self) -> int:
        """Global batches of an epoch."""

    @abstractmethod
    def draws(self, epoch: int, k: int) -> Draws:
        """The samples of global batch ``k`` of ``epoch``, in order; the same time for every ``k``.

        Raises:
            IndexError: the epoch has no such batch.
        """

    @abstractmethod
    def drawn(self, steps: int) -> list[int]:
        """How many samples of each corpus the first ``steps`` steps draw."""

    @abstractmethod
    def turns(self, step: int) -> list[tuple[int, int]]:
        """For each corpus the epoch it is in before a step, and how many samples of that epoch were drawn."""

    def position(self, step: int) -> tuple[int, int]:
        """Epoch and number in the epoch of the global batch that optimiser step ``step`` (from 0) takes."""
        return divmod(step, self.batches_per_epoch)

    def step(self, epoch: int, k: int) -> int:
        """The inverse of ``position``.

        Raises:
            IndexError: the epoch has no such batch.
        """
        if epoch < 0 or not 0 <= k < self.batches_per_epoch:
            raise IndexError(f"epoch {epoch} has batches 0 to {self.batches_per_epoch - 1}, not {k}")
        return epoch * self.batches_per_epoch + k


@dataclass(frozen=True, eq=False)
class Order(TrainingOrder):
    """Every sample of one corpus once an epoch (``Stream``).

    Global batches are cut from that sequence without regard to the blocks' borders, the last one may be short.

    Args:
        rows, shard_starts, seed, block_shards, chosen: as of ``Stream``.
        global_batch: samples of one optimiser step over all ranks.
    """

    rows: range
    shard_starts: ArrayLike
    seed: int
    global_batch: int
    block_shards: int = 8
    chosen: ChosenRows | None = None

    def __post_init__(self) -> None:
        if self.global_batch < 1:
            raise DocexpError("global_batch must be 1 or more")
        _ = self._stream

    def corpora(self) -> tuple[Stream, ...]:
        """The one there is."""
        return (self._stream,)

    @property
    def batches_per_epoch(self) -> int:
        """Global batches of an epoch, a short last one included."""
        return -(-len(self._stream) // self.global_batch)

    def batch(self, epoch: int, k: int) -> NDArray[np.int64]:
        """The samples of global batch ``k`` of ``epoch``, in order; the same time for every ``k``.

        Raises:
            IndexError: the epoch has no such batch.
        """
        self.step(epoch, k)
        first, last = k * self.global_batch, min((k + 1) * self.global_batch, len(self._stream))
        return self._stream.part(epoch, first, last)

    def draws(self, epoch: int, k: int) -> Draws:
        """``batch`` with the epoch."""
        rows = self.batch(epoch, k)
        return Draws(rows, np.full(len(rows), epoch))

    def drawn(self, steps: int) -> list[int]:
        """All samples of the first ``steps`` steps."""
        epochs, rest = self.position(steps)
        return [epochs * len(self._stream) + rest * self.global_batch]

    def turns(self, step: int) -> list[tuple[int, int]]:
        """Of the one corpus."""
        epoch, k = self.position(step)
        return [(epoch, k * self.global_batch)]

    @cached_property
    def _stream(self) -> Stream:
        return Stream(self.rows, self.shard_starts, self.seed, self.block_shards, chosen=self.chosen)


def shuffled(seed: int, epoch: int, k: int, size: int) -> NDArray[np.intp]:
    """A permutation of ``range(size)`` for the draws of global batch ``k`` of ``epoch``."""
    return _stream(_key(_BATCH, seed, epoch, k)).random_raw(size).argsort(kind="stable")


def sample_rng(seed: int, epoch: int, row: int, purpose: str = "") -> np.random.Generator:
    """The generator of a sample's own randomness (masks, crops, windows) in an epoch, whoever prepares it.

    Each purpose has a stream of its own, so that what one objective draws does not depend on which others there are.
    """
    return np.random.Generator(_stream(_key(_SAMPLE, seed, epoch, row, crc32(purpose.encode()))))


def slots(
    rows: Sequence[int] | NDArray[np.int64], ranks: int, micro_batches: int, micro_size: int
) -> list[list[list[Slot]]]:
    """A global batch dealt out: rank → micro-batch → slots, as many in each.

    Samples are dealt to the ranks in turn, and fill each rank's micro-batches one after the other; a slot that
    stays empty repeats the batch's first sample as filler.

    Raises:
        ValueError: more samples than slots, or none.
    """
    room = ranks * micro_batches * micro_size
    if not 0 < len(rows) <= room:
        raise ValueError(f"{len(rows)} samples for {room} slots")
    dealt = [Slot(int(row), False) for row in rows]
    dealt += [Slot(dealt[0].number, True)] * (room - len(dealt))
    shares = [dealt[rank::ranks] for rank in range(ranks)]
    return [[share[i : i + micro_size] for i in range(0, len(share), micro_size)] for share in shares]


def evaluation_slots(rows: Sequence[int] | NDArray[np.int64], ranks: int, size: int) -> list[list[list[Slot]]]:
    """A whole split dealt out for evaluation: rank → batch → slots. Every sample once, as many batches on each rank."""
    return slots(rows, ranks, -(-len(rows) // (ranks * size)), size) if len(rows) else [[] for _ in range(ranks)]


@lru_cache(maxsize=32)
def _permutation(key: tuple[int, ...], size: int) -> NDArray[np.int64]:
    """A permutation of ``range(size)``. Sorting raw words keeps it the same under every version of NumPy, which
    promises stable bit streams but not stable shuffles (NEP 19)."""
    order = _stream(key).random_raw(size).argsort(kind="stable")
    order.setflags(write=False)
    return order


def _key(purpose: int, seed: int, epoch: int, number: int, salt: int = 0) -> tuple[int, ...]:
    # five words always, or six: SeedSequence cuts large numbers into words and takes a missing word for 0
    words = (purpose, seed & 0xFFFFFFFF, seed >> 32, epoch, number)
    return (*words, salt) if salt else words


def _stream(key: tuple[int, ...]) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence(key))
