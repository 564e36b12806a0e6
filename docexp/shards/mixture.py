"""Several corpora in one order of training: whose page comes next, exactly by weight, whatever the step."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.shards.order import Draws, Stream, TrainingOrder, shuffled

ROUND = 2**16
"""Pages of a round, in which every corpus comes as often as its share says, to the page."""


def round_counts(weights: Sequence[float], names: Sequence[str]) -> tuple[int, ...]:
    """Pages of each corpus in a round, by largest remainder; together ``ROUND``, each within one of its exact share.

    Raises:
        DocexpError: a weight so small that a round holds no page of its corpus.
    """
    exact = np.asarray(weights, float) / sum(weights) * ROUND
    counts = np.floor(exact).astype(np.int64)
    lacking = ROUND - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:lacking]] += 1
    for name, count in zip(names, counts, strict=True):
        if not count:
            raise DocexpError(
                f"corpus {name} has a share below one page in {ROUND:,}. Raise its weight, or leave it out."
            )
    return tuple(map(int, counts))


@lru_cache(maxsize=4)
def interleaved(counts: tuple[int, ...]) -> NDArray[np.int16]:
    """Which corpus each place of a round belongs to, ``[ROUND]``: after any number of places, every corpus has come as
    often as its share of them, within less than one.

    Source: Tijdeman, "The chairman assignment problem" (Discrete Mathematics 32, 1980); of those far enough behind,
    the corpus comes that would first be too far behind. Whole numbers only, so that every machine gives the same.
    """
    total, corpora = sum(counts), range(len(counts))
    if len(counts) == 1:
        return np.zeros(total, np.int16)
    scale = 2 * len(counts) - 2
    behind = [0] * len(counts)  # scale · (share of the places so far − times that it came), times total
    places = np.empty(total, np.int16)
    for place in range(total):
        for corpus in corpora:
            behind[corpus] += scale * counts[corpus]
        due = [corpus for corpus in corpora if behind[corpus] >= total]
        # the places until it is (scale − 1) / scale behind: a division of whole numbers compared crosswise
        chosen = due[0]
        for corpus in due[1:]:
            left, best = (scale - 1) * total - behind[corpus], (scale - 1) * total - behind[chosen]
            if left * counts[chosen] < best * counts[corpus]:
                chosen = corpus
        behind[chosen] -= scale * total
        places[place] = chosen
    return places


@dataclass(frozen=True, eq=False)
class MixedOrder(TrainingOrder):
    """Corpora drawn from by their shares, each gone through in an order of its own before anything of it comes again.

    Draw g of the run is place g mod ``ROUND`` of its round; how often the corpus of that place came before follows
    from the number of rounds and a table of one round, so every batch is found in the same time. A batch's draws are
    then shuffled, lest dealing them out in turn give a rank one corpus only. An epoch has as many batches as the
    corpora together have pages for; none is short.

    Args:
        streams: the corpora's orders.
        counts: their pages in a round (``round_counts``).
        seed: of the shuffle within a batch.
        global_batch: samples of one optimiser step over all ranks.
    """

    streams: tuple[Stream, ...]
    counts: tuple[int, ...]
    seed: int
    global_batch: int

    def corpora(self) -> tuple[Stream, ...]:
        """Each corpus' own order."""
        return self.streams

    @property
    def batches_per_epoch(self) -> int:
        """Global batches that hold as many pages as all corpora."""
        return -(-sum(len(stream) for stream in self.streams) // self.global_batch)

    def draws(self, epoch: int, k: int) -> Draws:
        """The samples of a global batch, each with the epoch of its own corpus."""
        first = self.step(epoch, k) * self.global_batch
        drawn = np.arange(first, first + self.global_batch)
        corpus, before = self._round
        rounds, places = np.divmod(drawn, ROUND)
        rows, epochs = np.empty_like(drawn), np.empty_like(drawn)
        for number, stream in enumerate(self.streams):
            here = corpus[places] == number
            if here.any():
                turns = rounds[here] * self.counts[number] + before[places[here]]  # consecutive
                rows[here], epochs[here] = stream.turns(int(turns[0]), int(turns[-1]) + 1)
        mixed = shuffled(self.seed, epoch, k, len(rows))
        return Draws(rows[mixed], epochs[mixed])

    def drawn(self, steps: int) -> list[int]:
        """How many samples of each corpus the first ``steps`` steps draw."""
        rounds, rest = divmod(steps * self.global_batch, ROUND)
        ended = np.bincount(self._round[0][:rest], minlength=len(self.counts))
        return [rounds * count + int(more) for count, more in zip(self.counts, ended, strict=True)]

    def turns(self, step: int) -> list[tuple[int, int]]:
        """Of every corpus."""
        return [divmod(count, len(stream)) for count, stream in zip(self.drawn(step), self.streams, strict=True)]

    @cached_property
    def _round(self) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Of each place of a round, its corpus, and how often that came earlier in the round."""
        corpus = interleaved(self.counts)
        before = np.empty(ROUND, np.int64)
        for number in range(len(self.counts)):
            here = np.flatnonzero(corpus == number)
            before[here] = np.arange(len(here))
        return corpus, before
