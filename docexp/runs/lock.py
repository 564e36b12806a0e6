"""One process at a time trains a run, on whichever host it is.

Beside the run's folder lies ``.<identity>.lock/`` with numbered folders. The highest one tells who holds the lock:
``holder.json`` while it is held, renamed to ``released.json`` after. Whoever wants the lock, and finds the highest
free or stale, makes the next number by renaming a prepared folder to it; of several only one can, on local and
network file systems alike. Numbers never go down, so nobody who was slow to look can take a lock for stale that has
changed hands since.
"""

import json
import os
import platform
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.folder import RunFolder
from docexp.runs.processes import has_left_queue, job_id, machine, start_of

HEARTBEAT = 10.0
"""Seconds between two signs of life."""
SILENCE = 60.0
"""Seconds without one after which a holder on another host is taken for dead."""
PATIENCE = 2.0
"""Seconds given to a holder on this host to vanish: a killed process lives on for a moment."""

HELD, RELEASED, CANDIDATE = "holder.json", "released.json", ".candidate-"


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. ``started`` is local time with its offset."""

    host: str
    machine: str
    pid: int
    process_start: str
    job: str
    started: str

    @classmethod
    def here(cls) -> Self:
        """This process."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(platform.node(), machine(), os.getpid(), start_of(os.getpid()) or "", job_id(), now)

    def __str__(self) -> str:
        started = datetime.fromisoformat(self.started).astimezone()
        today = started.date() == datetime.now().astimezone().date()
        job = f" (job {self.job})" if self.job else ""
        return f"pid {self.pid} on host {self.host}{job} since {started:{'%H:%M' if today else '%Y-%m-%d %H:%M'}}"

    @property
    def here_and_alive(self) -> bool:
        """Whether it is a process that can be seen, and signalled, from here."""
        return self.machine == machine() and start_of(self.pid) == self.process_start

    def lives(self, silence: Callable[[], float]) -> bool:
        """Whether the holder must be believed alive; ``silence`` measures the seconds since its last heartbeat."""
        if self.machine == machine():
            return start_of(self.pid) == self.process_start
        if self.job and self.job == job_id():  # requeued: the job's earlier start is over
            return False
        return silence() <= SILENCE and not has_left_queue(self.job)


class RunLock:
    """Holds a run for this process while the ``with`` block runs.

    Raises:
        DocexpError: on entering: another process holds it, named by pid, host, job and start; or the place cannot be
            written.
    """

    def __init__(self, folder: RunFolder, patience: float = PATIENCE, heartbeat: float = HEARTBEAT) -> None:
        self._identity, self._place = folder.identity, folder.locks
        self._patience, self._heartbeat = patience, heartbeat
        self._own: Path | None = None
        self._pid = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with atomic.mendable(self._place):
            self._place.mkdir(parents=True, exist_ok=True)
            self._own = self._acquire()
        self._pid = os.getpid()
        self._stop.clear()
        self._thread = threading.Thread(target=self._beat, name="lock heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid or self._own is None or self._thread is None:
            return  # a forked child does not own its parent's lock
        self._stop.set()
        self._thread.join()
        with suppress(FileNotFoundError):  # it was taken over
            (self._own / HELD).rename(self._own / RELEASED)

    def check(self) -> None:
        """To be called before anything is written that another holder would trip over.

        Raises:
            DocexpError: this process was silent for so long (suspended, or cut off from the disk) that another one
                took the run over.
        """
        if self._own is None or not (self._own / HELD).exists():
            _, holder = _highest(self._place)
            raise DocexpError(f"run {self._identity} was taken over by {holder or 'another process'}: this one stops.")

    def _acquire(self) -> Path:
        deadline = time.monotonic() + self._patience
        while True:
            number, holder = _highest(self._place)
            if holder is None or not holder.lives(partial(_silence, self._place, number)):
                own = _take(self._place, number + 1)
                if own is not None:
                    return own
            elif holder.machine != machine() or time.monotonic() > deadline:
                raise DocexpError(f"run {self._identity} is being trained by {holder}.")
            else:
                time.sleep(0.05)

    def _beat(self) -> None:
        while not self._stop.wait(self._heartbeat):
            with suppress(OSError):  # taken over: check() says it; a disk that is away for a moment: the next beat
                os.utime(_at(self._own) / HELD)


def holder_of(folder: RunFolder) -> Holder | None:
    """Who is training a run now; None when nobody is."""
    number, holder = _highest(folder.locks)
    return holder if holder is not None and holder.lives(partial(_silence, folder.locks, number)) else None


def _highest(place: Path) -> tuple[int, Holder | None]:
    """The highest number, 0 for none yet, and who holds it, None when it is released."""
    number = 0
    for _ in range(100):
        number = max(_numbers(place), default=0)
        try:
            return number, Holder(**json.loads((place / f"{number:06d}" / HELD).read_text()))
        except FileNotFoundError:
            if number == 0 or (place / f"{number:06d}" / RELEASED).exists():
                return number, None
            time.sleep(0.01)  # it changes hands at this moment: look again
    return number, None  # somebody emptied the folder by hand


def _numbers(place: Path) -> list[int]:
    return [int(entry.name) for entry in place.iterdir() if entry.name.isdigit()] if place.is_dir() else []


def _take(place: Path, number: int) -> Path | None:
    """Makes ``number`` and clears away the lower ones; None when somebody else was faster."""
    candidate = place / f"{CANDIDATE}{secrets.token_hex(4)}"
    own = place / f"{number:06d}"
    candidate.mkdir()
    atomic.write_json(candidate / HELD, asdict(Holder.here()))
    try:
        candidate.rename(own)
    except OSError:
        shutil.rmtree(candidate)
        if own.exists():
            return None
        raise
    numbers = _numbers(place)
    if max(numbers) > number:  # we looked so long ago that this number had been cleared away again
        shutil.rmtree(own, ignore_errors=True)
        return None
    for lower in numbers:
        if lower < number:
            shutil.rmtree(place / f"{lower:06d}", ignore_errors=True)
    return own


def _silence(place: Path, number: int) -> float:
    """Seconds since the last heartbeat; infinite when the lock has changed hands in the meantime."""
    try:
        with (place / f"{number:06d}" / HELD).open() as opened:  # opening makes a network file system look anew
            beat = os.fstat(opened.fileno()).st_mtime
    except FileNotFoundError:
        return float("inf")
    probe = place / f"{CANDIDATE}{secrets.token_hex(4)}"
    try:
        probe.touch()  # the file system's own clock, which also stamped the heartbeat: hosts' clocks differ
        now = probe.stat().st_mtime
        probe.unlink()
    except OSError:  # somebody else's runs, which can be looked at only
        now = time.time()
    return now - beat


def _at(path: Path | None) -> Path:
    assert path is not None
    return path
