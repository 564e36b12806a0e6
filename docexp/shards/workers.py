"""Units read by several processes, their pages handed on in the units' order."""

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.entry import Packed

Work = Callable[[Any], Iterator[Packed | Report]]
"""Reads a unit: its pages, and at the end the report of what was met."""

MESSAGE_BYTES = 2**20
"""Pages of a unit are sent together until they are so many bytes."""

WAITING_BYTES = 128 * 2**20
"""While pages of so many bytes wait for those of an earlier unit, no others are received: memory stays bounded."""

WAITING_UNITS = 64
"""For each process, at most so many units are begun ahead of the one whose pages are awaited."""


def read_units(work: Work, units: Iterator[Any], jobs: int) -> Iterator[tuple[Any, Packed | Report]]:
    """Every unit's pages and report, each with its unit, in the order of ``units`` whatever the number of processes.

    Args:
        work: what reads a unit; pickled for each process.
        units: taken as they are needed, in this process.
        jobs: processes; with 1 this one reads.

    Raises:
        DocexpError: what reading the first faulty unit raises, after the pages before it; or a process died.
    """
    if jobs == 1:
        for unit in units:
            for result in work(unit):
                yield unit, result
        return
    pool = _Pool(work, jobs)
    try:
        yield from pool.results(units)
    finally:
        pool.stop()


@dataclass
class _Task:
    unit: Any
    results: deque[Packed | Report] = field(default_factory=deque)
    error: Exception | None = None
    finished: bool = False


@dataclass
class _Worker:
    process: Any
    connection: Any
    task: _Task | None = None


class _Pool:
    """Processes that are spawned when there is work for them; each has one unit at a time."""

    def __init__(self, work: Work, jobs: int) -> None:
        self._work, self._jobs = work, jobs
        self._workers: list[_Worker] = []
        self._tasks: deque[_Task] = deque()
        self._waiting = 0

    def results(self, units: Iterator[Any]) -> Iterator[tuple[Any, Packed | Report]]:
        while self._begin(units) or self._tasks:
            first = self._tasks[0]
            while first.results:
                result = first.results.popleft()
                self._waiting -= _bytes(result)
                yield first.unit, result
            if first.error is not None:
                raise first.error
            if first.finished:
                self._tasks.popleft()
            else:
                self._receive(first)

    def stop(self) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()

    def _begin(self, units: Iterator[Any]) -> bool:
        """Gives every process without work the next unit; whether there was one."""
        begun = False
        while self._waiting < WAITING_BYTES and len(self._tasks) < self._jobs * WAITING_UNITS:
            worker = next((worker for worker in self._workers if worker.task is None), None)
            if worker is None and len(self._workers) == self._jobs:
                break
            try:
                unit = next(units)
            except StopIteration:
                break
            worker = worker or self._start()
            worker.task = _Task(unit)
            self._tasks.append(worker.task)
            with suppress(OSError):  # it has died: receiving says so
                worker.connection.send(unit)
            begun = True
        return begun

    def _start(self) -> _Worker:
        # forking would copy the threads' locks of this process, such as those of the progress display
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _receive(self, first: _Task) -> None:
        full = self._waiting >= WAITING_BYTES
        busy = {w.connection: w for w in self._workers if w.task is not None and (w.task is first or not full)}
        for connection in wait(list(busy)):
            worker = busy[connection]
            assert worker.task is not None
            try:
                results, worker.task.error, worker.task.finished = worker.connection.recv()
            except (EOFError, OSError):
                worker.task.error = _died(worker)
                worker.task = None
                continue
            worker.task.results.extend(results)
            self._waiting += sum(map(_bytes, results))
            if worker.task.finished or worker.task.error:
                worker.task = None


def _died(worker: _Worker) -> DocexpError:
    worker.process.join()
    unit = worker.task.unit if worker.task else ""
    return DocexpError(
        f"a process that read {str(unit)[:200]} died (exit status {worker.process.exitcode}). "
        "If memory ran out, read with fewer: jobs=1"
    )


def _serve(work: Work, connection: Any) -> None:
    """A process's life: units come, pages go, until the other end is closed, as it is when the main process dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches all; the main process ends this one
    with suppress(EOFError, OSError):
        while True:
            for message in _messages(work, connection.recv()):
                connection.send(message)


def _messages(work: Work, unit: Any) -> Iterator[tuple[list[Packed | Report], Exception | None, bool]]:
    """A unit's results in portions, the error that ended it, if any, and whether it is finished."""
    ready, size, error = [], 0, None
    try:
        for result in work(unit):
            ready.append(result)
            size += _bytes(result)
            if size >= MESSAGE_BYTES:
                yield ready, None, False
                ready, size = [], 0
    except DocexpError as fault:
        error = DocexpError(str(fault))
    except Exception:
        error = RuntimeError(f"reading {str(unit)[:200]} failed:\n{traceback.format_exc()}")
    yield ready, error, True


def _bytes(result: Packed | Report) -> int:
    return len(result.data) if isinstance(result, Packed) else 0
