"""Runs as plain processes, where they cannot be forked from a warm one."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

POLL = 0.2
"""Seconds between two looks."""


class PlainProcesses:
    """Starts every run as a process of its own that imports everything again."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
        """Starts ``docexp`` with words; gives its process's number."""
        command = [sys.executable, "-m", "docexp.cli", *words]
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        self._running[process.pid] = process
        return process.pid

    def ended(self, timeout: float | None) -> list[tuple[int, int]]:
        """The processes that have ended, each with its status; waits for at least one, or for ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            found = [(pid, process.poll()) for pid, process in self._running.items()]
            ended = [(pid, status) for pid, status in found if status is not None]
            for pid, _ in ended:
                del self._running[pid]
            if ended or (deadline is not None and time.monotonic() > deadline):
                return ended
            time.sleep(POLL)

    def signal(self, number: int) -> None:
        """Hands a signal on to every run."""
        for process in self._running.values():
            process.send_signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
