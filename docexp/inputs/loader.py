"""The loaders that Lightning iterates: one stream of micro-batches for the whole run, resumable by two counters."""

import signal
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.dataset import EvaluationBatches, TrainSteps
from docexp.runs.processes import job_id
from docexp.shards.order import TrainingOrder

LAST_SECONDS = 60
"""How long a worker in a Slurm job lives on after SIGTERM, unless it is killed before."""


class TrainLoader:
    """All micro-batches of a run in order; its state is (epoch, global batch), whatever the number of workers.

    ``__len__`` is constant, ``max_steps × micro_batches``: without a length Lightning reads one batch ahead and the
    saved state would run one ahead; with the *remaining* length a resumed run would not end. The state moves on in
    this process just before a step's last micro-batch is given out, and is saved only after an optimiser step.
    """

    def __init__(
        self, steps: TrainSteps, order: TrainingOrder, max_steps: int, micro_batches: int, workers: int
    ) -> None:
        self._steps, self._order = steps, order
        self._max_steps, self._micro_batches, self._workers = max_steps, micro_batches, workers
        self._epoch, self._batch = 0, 0

    def __len__(self) -> int:
        return self._max_steps * self._micro_batches

    def __iter__(self) -> Iterator[Batch]:
        first = self._order.step(self._epoch, self._batch)
        for step, item in enumerate(_workers(self._steps, range(first, self._max_steps), self._workers), start=first):
            if isinstance(item, DocexpError):
                raise item
            for number, batch in enumerate(item):
                if number == len(item) - 1:
                    self._epoch, self._batch = self._order.position(step + 1)
                yield batch

    def state_dict(self) -> dict[str, int]:
        """The two counters: where the next global step stands."""
        return {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on from a saved state."""
        self._epoch, self._batch = state["epoch"], state["batch"]


class EvaluationLoader:
    """This rank's batches of a split, in order."""

    def __init__(self, batches: EvaluationBatches, workers: int) -> None:
        self._batches, self._workers = batches, workers

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for item in _workers(self._batches, range(len(self._batches)), self._workers):
            if isinstance(item, DocexpError):
                raise item
            yield item


def _workers(dataset: Any, items: range, workers: int) -> DataLoader[Any]:
    import torch

    return DataLoader(
        dataset,
        batch_size=None,
        sampler=items,  # pyright: ignore[reportArgumentType]
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=2 if workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_ignore_interrupts,
    )


def _ignore_interrupts(worker: int) -> None:
    """A terminal's Ctrl-C reaches workers too; they must live on until the main process has finished its step.

    So does the SIGTERM with which Slurm ends a job, seconds before it kills.
    """
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if job_id():
        signal.signal(signal.SIGTERM, lambda number, frame: signal.alarm(LAST_SECONDS))


def _as_it_is(item: Any) -> Any:
    return item
