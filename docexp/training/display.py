"""The training display: a bar in a terminal, a line now and then anywhere else."""

import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from docexp.runs.log import RunLog

QUIET_SECONDS = 15.0
"""Without a terminal, at most one line in so many seconds (and always the first and the last)."""


class Display(pl.Callback):
    """Step of steps, loss, rate and time left.

    Args:
        log: tells whether anybody is looking.
        max_steps: steps of the whole run.
        global_batch: samples per step.
        start: the step a resumed run starts from.
        metric: the validation score that is shown.
    """

    def __init__(self, log: RunLog, max_steps: int, global_batch: int, start: int, metric: str) -> None:
        self._log, self._max_steps, self._global_batch, self._start = log, max_steps, global_batch, start
        self._metric = metric
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._began = self._spoken = time.monotonic()
        self._text = ""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock, and the bar where there is a terminal."""
        self._began = time.monotonic()
        terminal = self._log.terminal
        if terminal is not None and terminal.isatty():
            columns = (BarColumn(30), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(file=terminal, highlight=False), transient=True)
            self._task = self._bar.add_task("", total=self._max_steps, completed=self._start)
            self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves the bar on."""
        if self._bar is not None:
            self._bar.update(self._task, completed=trainer.global_step, description=self._progress(trainer.global_step))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the bar away."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Takes the bar away, so that the error is readable."""
        self._close()

    def show(self, step: int, line: dict[str, float]) -> None:
        """Told about every line of ``metrics.jsonl``."""
        shown = {name: value for name, value in line.items() if name in ("loss", self._metric)}
        self._text = "  ".join(f"{name} {value:.4g}" for name, value in shown.items()) or self._text
        now = time.monotonic()
        first = step <= self._start + 1
        due = now - self._spoken > QUIET_SECONDS or first or step == self._max_steps or "loss" not in line
        text = f"step {step}/{self._max_steps}  {self._progress(step)}"
        if self._bar is None and due:
            self._spoken = now
            self._log.say(text)
        elif self._bar is not None and "loss" not in line:  # a validation stays readable above the bar
            self._bar.console.print(text)
            self._log.note(text)

    def _progress(self, step: int) -> str:
        seconds = time.monotonic() - self._began
        done = step - self._start
        rate = done * self._global_batch / max(seconds, 1e-9)
        left = (self._max_steps - step) * seconds / max(done, 1)
        return f"{self._text}  {rate:.1f} pages/s  {duration(left)} left"

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``3:05:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
