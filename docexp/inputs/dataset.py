"""Rows of an index to samples and batches, inside data workers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch.utils.data import Dataset

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate, target_counts
from docexp.inputs.encoder import PageEncoder
from docexp.inputs.sample import Sample
from docexp.inputs.skipping import SKIPPED, SkippedPage, make_step
from docexp.inputs.visit import RowDraw, Visit, Visits
from docexp.shards.ahead import FetchAhead
from docexp.shards.corpora import PageReader
from docexp.shards.order import Draws, Slot, TrainingOrder, evaluation_slots, sample_rng, slots
from docexp.tasks.task import Targets

EVALUATION_SEED = 0
"""What evaluations draw corruptions from: two runs of unlike seeds are scored on the same masks."""


@dataclass(frozen=True)
class SampleMaker:
    """Reads, encodes, annotates and corrupts one sample. Pure: equal arguments give equal samples in any process.

    Args:
        reader: pages by row.
        encoder: pages to windows.
        targets: adds what is to be predicted.
        train_windows: whether training takes ``one`` window of a sample or ``all``.
        seed: what the window and the corruption of a training sample are drawn from.
        partners: draws the rows whose pages may be mixed into others.
    """

    reader: PageReader
    encoder: PageEncoder
    targets: Targets
    train_windows: str
    seed: int
    partners: RowDraw

    def evaluation(self, row: int) -> Sample:
        """All windows of the sample, so that nothing of it is lost; corrupted alike whatever the run's seed is."""
        visit = self._visit(row, EVALUATION_SEED, 0, whole=True)
        sample = self._annotated(visit)
        self.targets.corrupt(sample.windows, visit)
        return sample

    def training(self, row: int, epoch: int) -> Sample:
        """All windows, or one drawn by the sample's own generator."""
        visit = self._visit(row, self.seed, epoch, whole=False)
        sample = self._annotated(visit)
        if self.train_windows == "one" and len(sample.windows) > 1:
            drawn = int(sample_rng(self.seed, epoch, row).integers(len(sample.windows)))
            sample = replace(sample, windows=[sample.windows[drawn]])
        self.targets.corrupt(sample.windows, visit)
        return replace(sample, reference=None)

    def _annotated(self, visit: Visit) -> Sample:
        windows = visit.windows()
        reference = self.targets.annotate(visit.page, windows)
        return Sample(self.reader.key(visit.row), windows, reference=reference)

    def _visit(self, row: int, seed: int, epoch: int, *, whole: bool) -> Visit:
        visits = Visits(self.reader, self.encoder, self.partners, whole)
        return visits.visit(self.reader.read(row), row, seed, epoch)


@dataclass(frozen=True)
class Placement:
    """Which process this is, of how many, and how many samples it holds at once."""

    rank: int
    ranks: int
    micro_batch: int
    micro_batches: int = 1


@dataclass(frozen=True)
class Padding:
    """How rows of unequal length become a tensor."""

    pad_token_id: int
    multiple: int


class TrainSteps(Dataset[list[Batch] | DocexpError]):
    """Item ``step`` is this rank's share of a global step: its micro-batches, each carrying the whole share's counts.

    A ``DocexpError`` met in a worker is handed over as the item, because torch would bury its text in a traceback.

    Args:
        maker: rows to samples.
        order: which rows, when.
        place: which of them are this process's.
        padding: how rows of unequal length become tensors.
        skip: whether a page that cannot be made into a sample is done without, and counted.
        ahead: fetches remote shards before they are read.
    """

    def __init__(
        self,
        maker: SampleMaker,
        order: TrainingOrder,
        place: Placement,
        padding: Padding,
        *,
        skip: bool = False,
        ahead: FetchAhead | None = None,
    ) -> None:
        self._maker, self._order, self._place, self._padding, self._skip = maker, order, place, padding, skip
        self._ahead = ahead

    def __getitem__(self, step: int) -> list[Batch] | DocexpError:
        if self._ahead is not None:
            self._ahead.step(step)
        try:
            return self._step(*self._order.position(step))
        except DocexpError as error:
            return error

    def _step(self, epoch: int, batch: int) -> list[Batch]:
        place = self._place
        draws = self._order.draws(epoch, batch)
        numbers = range(len(draws.rows))  # a small corpus' page may come twice, in two of its epochs
        mine = slots(numbers, place.ranks, place.micro_batches, place.micro_batch)[place.rank]
        micro, skipped = self._samples(mine, draws)
        counts = target_counts([sample for samples in micro for sample in samples])
        if self._skip:
            counts[SKIPPED] = float(len(skipped))
        batches = [collate(samples, self._padding.pad_token_id, self._padding.multiple) for samples in micro]
        made = [replace(batch, step_counts=counts, micro_batch=number) for number, batch in enumerate(batches)]
        return [replace(made[0], skipped=skipped), *made[1:]]

    def _samples(self, mine: list[list[Slot]], draws: Draws) -> tuple[list[list[Sample]], list[SkippedPage]]:
        def make(number: int) -> Sample:
            return self._maker.training(int(draws.rows[number]), int(draws.epochs[number]))

        def shard_of(number: int) -> str:
            return self._maker.reader.shard_name(int(draws.rows[number]))

        if not self._skip:
            return [[replace(make(s.number), filler=s.filler) for s in slot] for slot in mine], []
        made = make_step(mine, range(len(draws.rows)), make, shard_of)
        return made.micro_batches, made.skipped


class EvaluationBatches(Dataset[Batch | DocexpError]):
    """The samples of a split dealt to ranks: every sample once, fillers make the ranks' batches equal in number."""

    def __init__(self, maker: SampleMaker, rows: Sequence[int], place: Placement, padding: Padding) -> None:
        self._maker, self._padding = maker, padding
        self._slots = evaluation_slots(rows, place.ranks, place.micro_batch)[place.rank]

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, number: int) -> Batch | DocexpError:
        try:
            samples = [replace(self._maker.evaluation(s.number), filler=s.filler) for s in self._slots[number]]
            made = collate(samples, self._padding.pad_token_id, self._padding.multiple)
            return replace(made, step_counts=target_counts(samples))
        except DocexpError as error:
            return error
