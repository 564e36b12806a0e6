"""Lines of ``metrics.jsonl`` and of the display, written as training goes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from docexp.runs.metrics_log import MetricsLog
from docexp.training.divergence import RunDiverged
from docexp.training.module import RunModule
from docexp.training.throughput import Throughput


class MetricLines(pl.Callback):
    """Writes the loss of every ``every``-th step and all validation scores; stops a run of which one is not finite.

    What the task remarks on a validation is told once.

    The loss is the one step's own, over all ranks: a mean over the steps since the last line would differ after a
    resumption.

    Args:
        log: the run's metrics file; None on ranks other than 0.
        every: steps between lines.
        global_batch: samples per step, for the rates.
        told: who else is told about every line.
        remark: says a sentence to a person.
        primary: the validation score that must be finite.
    """

    def __init__(
        self,
        log: MetricsLog | None,
        every: int,
        global_batch: int,
        *,
        told: Sequence[Callable[[int, dict[str, float]], None]],
        remark: Callable[[str], None],
        primary: str,
    ) -> None:
        self._log, self._every, self._told, self._remark = log, every, told, remark
        self._remarked, self._primary = False, primary
        self._throughput = Throughput(global_batch)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._throughput.start(pl_module.device, str(trainer.precision))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts, and writes a line after an optimiser step that is due."""
        assert isinstance(pl_module, RunModule) and pl_module.step_loss is not None
        self._throughput.add(pl_module, batch)
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        self._throughput.step()
        if step % self._every and step not in (1, trainer.max_steps):
            return
        parts = {"loss": pl_module.step_loss, **pl_module.step_parts}
        values = torch.stack(list(parts.values())).double()
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(values)
        named = dict(zip(parts, values.tolist(), strict=True))
        if pl_module.step_parts:
            named |= {f"{name}/targets": float(count) for name, count in pl_module.step_targets.items()}
        line = {
            **named,
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            **self._throughput.line(pl_module.device),
        }
        self._write(step, line)
        if not math.isfinite(line["loss"]):
            raise RunDiverged(step)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """All scores of a validation during training."""
        if trainer.state.fn == "fit":
            scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self._write(trainer.global_step, {name: v for name, v in scores.items() if name.startswith("validation/")})
            self._throughput.restart()
            if not math.isfinite(scores[self._primary]):
                raise RunDiverged(trainer.global_step)
            self._tell_remarks(pl_module, scores)

    def _tell_remarks(self, pl_module: pl.LightningModule, scores: dict[str, float]) -> None:
        assert isinstance(pl_module, RunModule)
        if not self._remarked:
            said = pl_module.task.remarks({name.removeprefix("validation/"): v for name, v in scores.items()})
            self._remarked = bool(said)
            for sentence in said:
                self._remark(sentence)

    def _write(self, step: int, line: dict[str, float]) -> None:
        if self._log is not None:
            self._log.write(step, line)
            for tell in self._told:
                tell(step, line)
