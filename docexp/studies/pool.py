"""Jobs on this machine, so many at a time, each when those it comes after have a result."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from docexp.runs.folder import RunFolder
from docexp.runs.lock import holder_of
from docexp.studies.launchers import Job, Outcome
from docexp.studies.plain_processes import PlainProcesses
from docexp.studies.shares import gpus, present_gpus, threads
from docexp.studies.telling import INTERRUPTED
from docexp.studies.waiting import Waiting, diverged
from docexp.studies.warm import WarmProcesses

LOOK = 0.5
"""Seconds between two looks at whether Ctrl-C was pressed, or another process has left a run."""
PATIENCE = 3
"""The Ctrl-C that ends everything at once: the first asks runs to save and stop, the second to stop."""


HEAVY = ("docexp.models.", "docexp.tasks.", "docexp.objectives.")
"""Packages whose modules a run imports when it is built."""


class Processes(Protocol):
    """A way of having processes."""

    def start(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
        """Starts ``docexp`` with words; gives its process's number."""
        ...

    def ended(self, timeout: float | None) -> list[tuple[int, int]]:
        """The processes that have ended, each with its status; waits for one, or for ``timeout`` seconds."""
        ...

    def signal(self, number: int) -> None:
        """Hands a signal on to every process."""
        ...


def run_all(jobs: Sequence[Job], parallel: int, again: bool, ended: Callable[[Outcome], None]) -> None:
    """Runs the jobs; each gets its share of the machine.

    Raises:
        KeyboardInterrupt: Ctrl-C, after all that ran has ended.
    """
    shared = threads(parallel, os.environ)
    if sys.platform.startswith("linux"):
        processes = WarmProcesses({**os.environ, **shared}, packages_of(jobs))
    else:
        processes = PlainProcesses()
    with processes, _interrupts() as interrupts:
        pool = _Pool(Waiting(jobs), parallel, again, ended, processes, shared)
        pool.run(interrupts)
    if interrupts:
        raise KeyboardInterrupt


@dataclass
class _Running:
    job: Job
    slot: int
    began: float


@dataclass
class _Pool:
    waiting: Waiting
    parallel: int
    again: bool
    ended: Callable[[Outcome], None]
    processes: Processes
    shared: dict[str, str]
    """Environment variables that all jobs have."""
    running: dict[int, _Running] = field(default_factory=dict)
    """By process."""
    starts: dict[Job, int] = field(default_factory=dict)

    def run(self, interrupts: list[int]) -> None:
        """Until every job has ended or cannot start; after an interrupt, until those have ended that run."""
        told = 0
        while True:
            held = not interrupts and self._fill()
            if not self.running and not held:
                return
            for pid, status in self.processes.ended(LOOK):
                self._note(self.running.pop(pid), status, bool(interrupts))
            for _ in interrupts[told:]:
                self.processes.signal(signal.SIGINT)
                told += 1

    def _fill(self) -> bool:
        """Starts what can be started; whether a job waits for another process that is training its run."""
        held = False
        for job in self.waiting.startable([running.job for running in self.running.values()]):
            if len(self.running) >= self.parallel:
                break
            if job.folder is not None and holder_of(RunFolder(job.folder)):
                held = True
            else:
                self._start(job)
        return held

    def _start(self, job: Job) -> None:
        self.waiting.start(job)
        slot = min(set(range(self.parallel)) - {running.slot for running in self.running.values()})
        if not self.starts.setdefault(job, 0):
            job.log.write_bytes(b"")
        self.starts[job] += 1
        # the configuration goes as a file, not as the words of the command line, which would start the sweep again
        words = ["train", f"config={job.config}", *(["--again"] if self.again else [])]
        environment = {**os.environ, **self.shared, **gpus(slot, self.parallel, present_gpus(os.environ))}
        pid = self.processes.start(words, job.log, environment)
        self.running[pid] = _Running(job, slot, time.monotonic())

    def _note(self, ended: _Running, status: int, interrupted: bool) -> None:
        job = ended.job
        if status and not interrupted:
            if job.folder is not None and holder_of(RunFolder(job.folder)):  # another process was faster
                self.starts[job] -= 1
                self.waiting.start_again(job)
                return
            if status != INTERRUPTED and self.starts[job] <= (job.retries or 0):
                self.waiting.start_again(job)
                return
        if status or diverged(job.folder):
            self.waiting.lose(job)
        self.ended(Outcome(job, status, time.monotonic() - ended.began))


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Gives a list that fills with every Ctrl-C."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) >= PATIENCE:
            raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def packages_of(jobs: Sequence[Job]) -> list[str]:
    """The packages of docexp that the jobs' configurations name."""
    import yaml

    found: set[str] = set()
    for job in jobs:
        config = yaml.load(job.config.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        found |= {target.rpartition(".")[0] for target in _targets(config)}
    return sorted(name for name in found if name.startswith(HEAVY))


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for value in node.values():
            yield from _targets(value)
