"""When checkpoints are written, and which are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from docexp.training.checkpoint_io import point
from docexp.training.interrupts import Interrupts, RunDiverged, RunInterrupted


class Checkpoints(pl.Callback):
    """Writes a checkpoint every ``every`` steps, at every validation and at the end; keeps the last and the best.

    A checkpoint of a step that is validated is written after the validation, so that a resumed run has its metrics.
    Where a weight is no longer finite, ``RunDiverged`` is raised instead, and the checkpoints before stay.

    Args:
        folder: the run's ``checkpoints/``.
        every: steps between checkpoints.
        validate_every: steps between validations, 0 for none.
        best: the logged metric whose highest value makes the ``best`` checkpoint; None keeps only the last.
        interrupts: asked after every step whether to save and stop.
        guard: called on rank 0 before anything is written; raises when this process may no longer write.
    """

    def __init__(
        self,
        folder: Path,
        *,
        every: int,
        validate_every: int,
        best: str | None,
        interrupts: Interrupts,
        guard: Callable[[], None],
    ) -> None:
        self._folder, self._every, self._validate_every, self._metric = folder, every, validate_every, best
        self._interrupts, self._guard, self._stopping = interrupts, guard, False
        self._best: float | None = None
        self._best_name = ""
        self._saved_step = -1

    def state_dict(self) -> dict[str, Any]:
        """The best value so far and its checkpoint."""
        return {"best": self._best, "best_name": self._best_name}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self._best, self._best_name = state_dict["best"], state_dict["best_name"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remembers the step a resumed run starts from: it is on disk already."""
        self._saved_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves after an optimiser step that is due and not about to be validated."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        self._stopping = self._interrupts.agreed(pl_module.device)
        validated = self._validate_every and step % self._validate_every == 0
        if not validated and (step % self._every == 0 or step == trainer.max_steps or self._stopping):
            self._save(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves after a validation, and remembers it when it is the best so far (the first of equals)."""
        if trainer.state.fn != "fit":
            return
        if self._metric is not None:
            value = float(trainer.callback_metrics[self._metric])
            if self._best is None or value > self._best:
                self._best, self._best_name = value, _name(trainer.global_step)
        self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if trainer.global_step == self._saved_step:
            return
        # weights are the same on all ranks; a checkpoint that is no good must not push out the last that is
        if not all(bool(weight.isfinite().all()) for weight in trainer.lightning_module.parameters()):
            raise RunDiverged(trainer.global_step)
        self._saved_step = trainer.global_step
        target = self._folder / _name(trainer.global_step)
        if trainer.is_global_zero:
            self._guard()
        trainer.save_checkpoint(target)
        if trainer.is_global_zero:
            if self._best_name == target.name:
                point(self._folder, "best", target)
            point(self._folder, "last", target)
            for old in self._folder.glob("step-*"):
                if old.name not in (target.name, self._best_name):
                    trainer.strategy.remove_checkpoint(old)
        trainer.strategy.barrier()
        if self._stopping:
            raise RunInterrupted(f"step {trainer.global_step}")


def _name(step: int) -> str:
    return f"step-{step:06d}"
