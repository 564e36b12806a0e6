"""When checkpoints are written, and which are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from docexp.training.checkpoint_io import point
from docexp.training.divergence import RunDiverged, finite_everywhere
from docexp.training.interrupts import Interrupts, RunInterrupted
from docexp.training.module import RunModule


class Checkpoints(pl.Callback):
    """Writes a checkpoint every ``every`` steps, at every validation and at the end; keeps the last and the best.

    A checkpoint of a step that is validated is written after the validation, so that a resumed run has its metrics.

    Weights that are finite may still be broken, and the next step's loss tells. Until that loss is known to be finite
    the last good checkpoint is kept beside the new one; when it is not, the new one is removed and ``RunDiverged``
    raised. The run's last step has no next one: whoever scores it finds out.

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
        self._proven = ""
        """The newest checkpoint after which a step had a finite loss; empty: none."""

    def state_dict(self) -> dict[str, Any]:
        """The best value so far and its checkpoint."""
        return {"best": self._best, "best_name": self._best_name}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self._best, self._best_name = state_dict["best"], state_dict["best_name"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remembers the step a resumed run starts from: it is on disk already, perhaps with the one before."""
        self._interrupts.training_begins()
        self._saved_step = trainer.global_step
        older = (path.name for path in self._folder.glob("step-*") if path.name < _name(self._saved_step))
        self._proven = max(older, default="")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves after an optimiser step that is due and not about to be validated."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        assert isinstance(pl_module, RunModule)
        if self._proven != _name(self._saved_step) and step > self._saved_step > 0:
            self._prove(trainer, pl_module)
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

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Goes back to the last good checkpoint where the newest turned out to be broken."""
        broken = _name(self._saved_step)
        if not isinstance(exception, RunDiverged) or self._saved_step <= 0 or self._proven == broken:
            return
        if trainer.is_global_zero:
            self._guard()
            if self._proven:
                point(self._folder, "last", self._folder / self._proven)
            else:
                (self._folder / "last").unlink(missing_ok=True)
            if self._best_name == broken:
                (self._folder / "best").unlink(missing_ok=True)
            trainer.strategy.remove_checkpoint(self._folder / broken)

    def _prove(self, trainer: pl.Trainer, module: RunModule) -> None:
        """Learns from the step after a checkpoint whether it was good; then the one before is not needed any more."""
        assert module.step_loss is not None
        if not finite_everywhere([module.step_loss], module.device):
            raise RunDiverged(trainer.global_step)
        self._proven = _name(self._saved_step)
        self._remove_others(trainer)

    def _remove_others(self, trainer: pl.Trainer) -> None:
        """Than the newest, the best, and the last that is known to be good."""
        if trainer.is_global_zero:
            for old in self._folder.glob("step-*"):
                if old.name not in (_name(self._saved_step), self._best_name, self._proven):
                    trainer.strategy.remove_checkpoint(old)

    def _save(self, trainer: pl.Trainer) -> None:
        if trainer.global_step == self._saved_step:
            return
        module = trainer.lightning_module
        if not finite_everywhere(module.parameters(), module.device):
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
        if trainer.global_step == trainer.max_steps:
            self._proven = target.name
        self._remove_others(trainer)
        trainer.strategy.barrier()
        if self._stopping:
            raise RunInterrupted(f"step {trainer.global_step}")


def _name(step: int) -> str:
    return f"step-{step:06d}"
