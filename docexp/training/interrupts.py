"""Ctrl-C during training: finish the step, write a checkpoint, stop; a second Ctrl-C stops at once.

A cluster's warning that it takes the place away is obeyed in the same way, and then the job is requeued.
"""

import signal
import time
from types import FrameType, TracebackType
from typing import Any

import torch
import torch.distributed as dist

from docexp.training import preemption

SAME_PRESS = 2.0
"""Seconds within which signals are one: a rank gets a terminal's Ctrl-C twice, from the terminal and from torchrun."""
NOTHING, GIVE_UP_PLACE, STOP = 0, 1, 2
"""What a rank was asked to do; of different answers the highest counts for all: who is stopped is not requeued."""


class RunInterrupted(Exception):
    """Training stopped between two steps because it was asked to, with a checkpoint of the last step."""


class Interrupts:
    """Turns the first SIGINT, or a cluster's warning, into a request that training notices after its step."""

    def __init__(self) -> None:
        self._pressed: float | None = None
        self._before: Any = None
        self._place = preemption.current()
        self.preempted = False
        """Whether the ranks agreed to stop because the cluster takes their place away."""

    def __enter__(self) -> "Interrupts":
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def training_begins(self) -> None:
        """Takes SIGTERM back from Lightning, which would stop without saving."""
        if self._place is not None:
            signal.signal(signal.SIGTERM, preemption.bypass)

    def agreed(self, device: torch.device) -> bool:
        """Whether any rank was asked to stop; called by all ranks once a step."""
        asked = self._asked()
        if dist.is_available() and dist.is_initialized():
            highest = torch.tensor(asked, device=device)
            dist.all_reduce(highest, dist.ReduceOp.MAX)
            asked = int(highest.item())
        self.preempted = asked == GIVE_UP_PLACE
        return asked != NOTHING

    def _asked(self) -> int:
        if self._pressed is not None:
            return STOP
        return GIVE_UP_PLACE if self._place is not None and self._place.requested else NOTHING

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._pressed is None:
            self._pressed = now
        elif now - self._pressed > SAME_PRESS:
            raise KeyboardInterrupt
