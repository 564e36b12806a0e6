"""Ctrl-C during training: finish the step, write a checkpoint, stop; a second Ctrl-C stops at once."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any

import torch
import torch.distributed as dist

SAME_PRESS = 2.0
"""Seconds within which signals are one: a rank gets a terminal's Ctrl-C twice, from the terminal and from torchrun."""


class RunInterrupted(Exception):
    """Training stopped between two steps because it was asked to, with a checkpoint of the last step."""


class Interrupts:
    """Turns the first SIGINT into a request that training notices after its step."""

    def __init__(self) -> None:
        self._requested: float | None = None
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def agreed(self, device: torch.device) -> bool:
        """Whether any rank was asked to stop; called by all ranks once a step."""
        if not (dist.is_available() and dist.is_initialized()):
            return self._requested is not None
        flag = torch.tensor([float(self._requested is not None)], device=device)
        dist.all_reduce(flag)
        return bool(flag.item())

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._requested is None:
            self._requested = now
        elif now - self._requested > SAME_PRESS:
            raise KeyboardInterrupt
