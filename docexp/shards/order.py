"""The order of training: which samples form global batch k of epoch e, and who gets them. Pure functions throughout.

Samples are numbered; as long as every entry of an index yields one, a sample's number is its row. Nothing here knows
of ranks and workers but ``slots``, and nothing at all of time, so a run may be stopped and continued anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docexp.errors import DocexpError

BLOCK_ROWS = 2**18
"""A block of more samples is cut, so that its permutation (2 MB) and the time to draw it (some 25 ms) stay bounded."""

_BLOCKS, _ROWS, _SAMPLE = 0, 1, 2  # what a stream of random numbers is for


class Slot(NamedTuple):
    """A place in a micro-batch. A ``filler`` repeats another sample and counts nowhere."""

    row: int
    filler: bool


@dataclass(frozen=True, eq=False)
class Order:
    """Every sample once an epoch, shuffled by blocks of consecutive shards so that reading stays local.

    An epoch goes through the blocks in an order of its own and through each block's samples in an order of its own;
    global batches are cut from that sequence without regard to the blocks' borders, the last one may be short.

    Args:
        rows: the samples (``Index.split``).
        shard_starts: the first sample of every shard, ascending from ``rows.start`` (``Index.shard_starts``).
        seed: of the order alone, 0 to 2**64 - 1.
        global_batch: samples of one optimiser step over all ranks.
        block_shards: consecutive shards that are shuffled together.
    """

    rows: range
    shard_starts: ArrayLike
    seed: int
    global_batch: int
    block_shards: int = 8

    def __post_init__(self) -> None:
        if not self.rows:
            raise DocexpError("there are no samples to bring into an order: the split is empty")
        if not 0 <= self.seed < 2**64 or self.global_batch < 1 or self.block_shards < 1:
            raise DocexpError("seed must be 0 to 2**64 - 1, global_batch and block_shards 1 or more")

    @property
    def batches_per_epoch(self) -> int:
        """Global batches of an epoch, a short last one included."""
        return -(-len(self.rows) // self.global_batch)

    def position(self, step: int) -> tuple[int, int]:
        """Epoch and number in the epoch of the global batch that optimiser step ``step`` (from 0) takes."""
        return divmod(step, self.batches_per_epoch)

    def step(self, epoch: int, k: int) -> int:
        """The inverse of ``position``."""
        return epoch * self.batches_per_epoch + k

    def batch(self, epoch: int, k: int) -> NDArray[np.int64]:
        """The samples of global batch ``k`` of ``epoch``, in order; the same time for every ``k``.

        Raises:
            IndexError: the epoch has no such batch.
        """
        if epoch < 0 or not 0 <= k < self.batches_per_epoch:
            raise IndexError(f"epoch {epoch} has batches 0 to {self.batches_per_epoch - 1}, not {k}")
        first, last = k * self.global_batch, min((k + 1) * self.global_batch, len(self.rows))
        starts, sizes = self._blocks
        order = _permutation(_BLOCKS, self.seed, epoch, 0, len(sizes))
        ends = np.cumsum(sizes[order])
        number = int(np.searchsorted(ends, first, side="right"))
        parts = []
        while first < last:
            block, end = int(order[number]), int(ends[number])
            begin = end - int(sizes[block])
            inside = _permutation(_ROWS, self.seed, epoch, block, int(sizes[block]))
            parts.append(starts[block] + inside[first - begin : last - begin])
            first, number = end, number + 1
        return np.concatenate(parts)

    @cached_property
    def _blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First sample and size of every block, none beyond ``BLOCK_ROWS``."""
        starts = np.asarray(self.shard_starts, np.int64)[:: self.block_shards]
        sizes = np.diff(starts, append=self.rows.stop)
        if starts[0] != self.rows.start or (sizes <= 0).any():
            raise ValueError("shard_starts must ascend from rows.start and stay below rows.stop")
        cuts = -(-sizes // BLOCK_ROWS)
        piece = np.arange(cuts.sum()) - np.repeat(np.cumsum(cuts) - cuts, cuts)
        first = np.repeat(starts, cuts) + piece * np.repeat(sizes, cuts) // np.repeat(cuts, cuts)
        return first, np.diff(first, append=self.rows.stop)


def sample_rng(seed: int, epoch: int, row: int) -> np.random.Generator:
    """The generator of a sample's own randomness (masks, crops, windows) in an epoch, whoever prepares it."""
    return np.random.Generator(_stream(_SAMPLE, seed, epoch, row))


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
    dealt += [Slot(dealt[0].row, True)] * (room - len(dealt))
    shares = [dealt[rank::ranks] for rank in range(ranks)]
    return [[share[i : i + micro_size] for i in range(0, len(share), micro_size)] for share in shares]


def evaluation_slots(rows: Sequence[int] | NDArray[np.int64], ranks: int, size: int) -> list[list[list[Slot]]]:
    """A whole split dealt out for evaluation: rank → batch → slots. Every sample once, as many batches on each rank."""
    return slots(rows, ranks, -(-len(rows) // (ranks * size)), size) if len(rows) else [[] for _ in range(ranks)]


@lru_cache(maxsize=16)
def _permutation(purpose: int, seed: int, epoch: int, number: int, size: int) -> NDArray[np.int64]:
    """A permutation of ``range(size)``. Sorting raw words keeps it the same under every version of NumPy, which
    promises stable bit streams but not stable shuffles (NEP 19)."""
    order = _stream(purpose, seed, epoch, number).random_raw(size).argsort(kind="stable")
    order.setflags(write=False)
    return order


def _stream(purpose: int, seed: int, epoch: int, number: int) -> np.random.PCG64:
    # five words always: SeedSequence cuts large numbers into words and takes a missing word for 0
    return np.random.PCG64(np.random.SeedSequence((purpose, seed & 0xFFFFFFFF, seed >> 32, epoch, number)))
