"""A cluster takes a job's place away: training saves its step, everything else stops at once, the job is requeued.

The warning is SIGUSR2, and submitit's handler of it requeues the job. Here the signal stays blocked in every thread, so
that no process which this one starts dies of it, and a thread of its own waits for it. Imports no torch.
"""

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

WARNING = signal.SIGUSR2


class Preempted(BaseException):
    """This job is to give up its place; raised in rank 0, and in all ranks once training has saved its step."""


class Preemption:
    """What one job knows of its place: whether it was told to give it up, and how it is requeued.

    Args:
        main: whether this process is rank 0, the one that stops and requeues; the others only know.
    """

    def __init__(self, main: bool) -> None:
        self._main, self._deferred, self.requested = main, True, False
        self._requeue: Any = signal.getsignal(WARNING)
        signal.pthread_sigmask(signal.SIG_BLOCK, {WARNING})
        signal.signal(WARNING, self._note)
        for harmless in (signal.SIGTERM, signal.SIGCONT):
            signal.signal(harmless, bypass)
        threading.Thread(target=_watch, name="preemption", daemon=True).start()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Around what the warning may end at any moment; before and after, it is only noted.

        Raises:
            Preempted: the warning has come, here or before.
        """
        self._deferred = False
        try:
            if self.requested and self._main:
                raise Preempted
            yield
        finally:
            self._deferred = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """See ``deferred`` below."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.requested and self._main:
            raise Preempted

    def requeue(self) -> None:
        """Requeues the job and ends this process; in ranks other than 0 it returns.

        Raises:
            UncompletedJobError: submitit's: the job has been stopped by its time limit too often.
        """
        self._deferred = True
        self._requeue(WARNING, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.requested = not self.requested, True
        if first and self._main and not self._deferred:
            raise Preempted


def bypass(number: int, frame: FrameType | None) -> None:
    """What Slurm sends along with the warning, and before a SIGKILL that follows in any case."""


_current: Preemption | None = None


def install(main: bool) -> Preemption:
    """Makes this process, a submitit job whose handler is in place, one that ``current`` knows."""
    global _current  # noqa: PLW0603
    _current = Preemption(main)
    return _current


def current() -> Preemption | None:
    """This process's job; None where nobody would requeue it."""
    return _current


def deferred() -> AbstractContextManager[None]:
    """Around what looks itself whether it is ``requested`` to stop.

    Raises:
        Preempted: afterwards, where the request came too late for that.
    """
    return _current.deferred() if _current else nullcontext()


def _watch() -> None:
    while True:
        signal.sigwait({WARNING})
        _thread.interrupt_main(WARNING)
