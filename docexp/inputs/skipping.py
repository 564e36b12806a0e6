"""Training pages that cannot be read: their slots become fillers, and what was skipped travels with the batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from docexp.errors import DocexpError
from docexp.inputs.sample import Sample
from docexp.shards.order import Slot

SKIPPED = "skipped pages"
"""The name under which a step's skipped pages are summed over ranks, beside its counts of targets."""


@dataclass(frozen=True)
class SkippedPage:
    """A page that a step did without."""

    shard: str
    """The name of its tar."""
    reason: str
    """The error that reading it, or making inputs of it, raised."""


@dataclass(frozen=True)
class MadeStep:
    """A rank's share of a step: samples by micro-batch, and the pages that could not be made into any."""

    micro_batches: list[list[Sample]]
    skipped: list[SkippedPage]


def make_step(
    share: Sequence[Sequence[Slot]],
    spare: Iterable[int],
    make: Callable[[int], Sample],
    shard_of: Callable[[int], str],
) -> MadeStep:
    """Makes every slot's sample; where that fails, a filler stands in, which counts nowhere.

    As many samples come out as there are slots, so that ranks and micro-batches stay equal whatever is broken.

    Args:
        share: this rank's slots by micro-batch.
        spare: samples that may stand in when none of the share can be made: the step's others.
        make: a sample from its number.
        shard_of: the tar that a sample lies in.

    Raises:
        DocexpError: not one sample of the whole step can be made.
    """
    skipped: list[SkippedPage] = []
    first_reason = ""
    made: list[list[Sample | None]] = []
    for slots in share:
        made.append([])
        for slot in slots:
            try:
                made[-1].append(replace(make(slot.number), filler=slot.filler))
            except DocexpError as error:
                first_reason = first_reason or str(error)
                made[-1].append(None)
                if not slot.filler:  # it is another slot's page, and counted there
                    skipped.append(SkippedPage(shard_of(slot.number), str(error)))
    stand_in = next((sample for samples in made for sample in samples if sample), None)
    stand_in = replace(stand_in or _first(spare, make, first_reason), filler=True)
    return MadeStep([[sample or stand_in for sample in samples] for samples in made], skipped)


def _first(spare: Iterable[int], make: Callable[[int], Sample], reason: str) -> Sample:
    for row in spare:
        try:
            return make(row)
        except DocexpError:
            continue
    raise DocexpError(f"not one page of a whole training step can be read; the first: {reason}")
