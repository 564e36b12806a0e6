"""LightningDataModules: a run's training order with its validation split, and a split to be scored."""

from collections.abc import Sequence

import pytorch_lightning as pl

from docexp.inputs.dataset import EvaluationBatches, Padding, Placement, SampleMaker, TrainSteps
from docexp.inputs.loader import EvaluationLoader, TrainLoader
from docexp.shards.ahead import FetchAhead
from docexp.shards.order import TrainingOrder


class EvaluationData(pl.LightningDataModule):
    """Some rows of an index, each once.

    Args:
        maker: rows to samples.
        rows: which rows.
        padding: how rows of unequal length become tensors.
        batch: samples a process holds at once.
        workers: data worker processes.
    """

    def __init__(self, maker: SampleMaker, rows: Sequence[int], padding: Padding, batch: int, workers: int) -> None:
        super().__init__()
        self._maker, self._rows, self._padding, self._batch, self._workers = maker, rows, padding, batch, workers

    def val_dataloader(self) -> EvaluationLoader | list[EvaluationLoader]:
        """The rows; an empty list where there are none."""
        return self.test_dataloader() if self._rows else []

    def test_dataloader(self) -> EvaluationLoader:
        """The rows."""
        place = self._place(self._batch)
        return EvaluationLoader(EvaluationBatches(self._maker, self._rows, place, self._padding), self._workers)

    def _place(self, samples: int) -> Placement:
        assert self.trainer is not None
        return Placement(
            self.trainer.global_rank, self.trainer.world_size, samples, int(self.trainer.accumulate_grad_batches)
        )


class TrainingData(EvaluationData):
    """One stream of the training order for the whole run, and the validation rows.

    Args:
        maker, rows, padding, batch, workers: as in ``EvaluationData``, for validation.
        order: the training order.
        max_steps: optimiser steps of the whole run.
        micro_batch: training samples a process holds at once.
        skip: whether training does without pages that cannot be read; validation never does.
        ahead: fetches remote shards before they are read.
    """

    def __init__(
        self,
        maker: SampleMaker,
        rows: Sequence[int],
        padding: Padding,
        batch: int,
        workers: int,
        *,
        order: TrainingOrder,
        max_steps: int,
        micro_batch: int,
        skip: bool = False,
        ahead: FetchAhead | None = None,
    ) -> None:
        super().__init__(maker, rows, padding, batch, workers)
        self._order, self._max_steps, self._micro_batch, self._skip = order, max_steps, micro_batch, skip
        self._ahead = ahead

    def train_dataloader(self) -> TrainLoader:
        """The stream, resumable."""
        place = self._place(self._micro_batch)
        steps = TrainSteps(self._maker, self._order, place, self._padding, skip=self._skip, ahead=self._ahead)
        return TrainLoader(steps, self._order, self._max_steps, place.micro_batches, self._workers)
