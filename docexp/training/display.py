"""The training display: a bar in a terminal, a line now and then anywhere else."""

import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from docexp.runs.log import RunLog
from docexp.training.amounts import clock, duration, roughly, short

QUIET_SECONDS = 15.0
"""Without a terminal, at most one line in so many seconds (and always the first and the last)."""
MEASURED_SECONDS = 15.0
"""How long steps are timed, the first one left out, before an end is estimated from them: the next few are slow too,
while data workers start and memory is first touched."""
WORTH_SAYING = 30.0
"""Seconds left below which nobody needs to be told when training ends."""


class Display(pl.Callback):
    """Step of steps, loss, rates in pages and tokens, time left, memory; once, as soon as it is known, the end.

    Args:
        log: tells whether anybody is looking.
        max_steps: steps of the whole run.
        start: the step a resumed run starts from.
        metric: the validation score that is shown.
    """

    def __init__(self, log: RunLog, max_steps: int, start: int, metric: str) -> None:
        self._log, self._max_steps, self._start, self._metric = log, max_steps, start, metric
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._began = self._warm = self._spoken = time.monotonic()
        self._loss = self._rates = self._memory = ""
        self._end_said = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock, and the bar where there is a terminal."""
        self._began = self._warm = time.monotonic()
        terminal = self._log.terminal
        if terminal is not None and terminal.isatty():
            words = Column(no_wrap=True, overflow="crop")
            text = TextColumn("{task.completed}/{task.total}  {task.description}", table_column=words)
            self._bar = Progress(BarColumn(16), text, console=_Console(file=terminal, highlight=False), transient=True)
            self._task = self._bar.add_task("first step …", total=self._max_steps, completed=self._start)
            self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves the bar on."""
        step = trainer.global_step
        if step == self._start + 1 and (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._warm = time.monotonic()
        self._say_end(step)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=self._progress(step))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the bar away."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Takes the bar away, so that the error is readable."""
        self._close()

    def show(self, step: int, line: dict[str, float]) -> None:
        """Told about every line of ``metrics.jsonl``."""
        if "loss" not in line:
            score = f"{self._metric} {line[self._metric]:.4g}" if self._metric in line else "validated"
            self.above(f"step {step}/{self._max_steps}  {score}")
            return
        self._loss, self._rates = f"loss {line['loss']:.4g}", rates(line)
        self._memory = f"{line['memory_bytes'] / 1e9:.2g} GB"
        now = time.monotonic()
        due = now - self._spoken > QUIET_SECONDS or step <= self._start + 1 or step == self._max_steps
        if self._bar is None and due:
            self._spoken = now
            self._log.say(f"step {step}/{self._max_steps}  {self._progress(step)}")

    def _progress(self, step: int) -> str:
        left = self._left(step)
        # what a narrow terminal crops stands last
        parts = (self._loss, self._rates, "" if left is None else f"{duration(left)} left", self._memory)
        return "  ".join(part for part in parts if part)

    def _left(self, step: int) -> float | None:
        """Seconds of training still to come, validations so far spread over the steps; None before a step is timed.

        The first step is left out: it waits for data workers and libraries to start.
        """
        timed = step - self._start - 1
        if step == self._max_steps:
            return 0.0
        return (self._max_steps - step) * (time.monotonic() - self._warm) / timed if timed > 0 else None

    def _say_end(self, step: int) -> None:
        if self._end_said or time.monotonic() - self._warm < MEASURED_SECONDS:
            return
        left = self._left(step)
        if left is None:
            return
        self._end_said = True
        if left > WORTH_SAYING:
            self.above(f"  training takes {roughly(left)} more, until about {clock(left)}")

    def above(self, text: str) -> None:
        """A line that stays, above the bar where there is one."""
        if self._bar is None:
            self._spoken = time.monotonic()
            self._log.say(text)
        else:
            self._bar.console.print(text, soft_wrap=True)
            self._log.note(text)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Console(Console):
    """Leaves room for the ``^C`` that a terminal echoes: behind a full line it would leave the bar standing."""

    @property
    def size(self) -> ConsoleDimensions:
        """A little narrower than the terminal is just now."""
        width, height = super().size
        return ConsoleDimensions(max(width - 3, 1), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


def rates(line: dict[str, float]) -> str:
    """``52.1 pages/s  9.4k tokens/s`` of a training line."""
    return f"{line['samples_per_second']:.3g} pages/s  {short(line['tokens_per_second'])} tokens/s"


def left_before(lines: Sequence[dict[str, float]], steps: int, global_batch: int) -> str:
    """``about 6 min left at the last 52.1 pages/s`` for a run that goes on; "" when that is unknown, or soon."""
    pages = next((line["samples_per_second"] for line in reversed(lines) if "samples_per_second" in line), 0.0)
    if not pages or steps * global_batch / pages < WORTH_SAYING:
        return ""
    return f"{roughly(steps * global_batch / pages)} left at the last {pages:.3g} pages/s"
