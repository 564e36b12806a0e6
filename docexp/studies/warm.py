"""Runs forked from a warm template (``docexp.studies.template``); Linux only."""

import json
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from docexp.errors import DocexpError


class WarmProcesses:
    """Starts runs as forks of one process that has imported everything.

    Args:
        environment: of the template, which reads the number of threads when it imports torch.
        packages: whose modules the runs need.

    Raises:
        DocexpError: the template has ended by itself.
    """

    def __init__(self, environment: Mapping[str, str], packages: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "docexp.studies.template", str(theirs.fileno()), *packages]
        self._template = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._received = b""
        self._messages: list[dict[str, int]] = []

    def start(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
        """Starts ``docexp`` with words; gives its process's number."""
        place = {"log": str(log.absolute()), "folder": str(Path.cwd())}
        self._order({"words": list(words), "environment": dict(environment), **place})
        while True:
            for message in self._messages:
                if "started" in message:
                    self._messages.remove(message)
                    return message["started"]
            self._receive(None)

    def ended(self, timeout: float | None) -> list[tuple[int, int]]:
        """The processes that have ended, each with its status; waits for at least one, or for ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._messages:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            if not self._receive(left):
                break
        found = [(message["ended"], message["status"]) for message in self._messages]
        self._messages = []
        return found

    def signal(self, number: int) -> None:
        """Hands a signal on to every run."""
        self._order({"signal": number})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
        self._template.wait()

    def _order(self, order: dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            raise self._gone() from None

    def _receive(self, timeout: float | None) -> bool:
        """Takes in what the template says; False when it says nothing for ``timeout`` seconds."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return False
        try:
            received = self._socket.recv(65536)
        except ConnectionError:
            received = b""
        if not received:
            raise self._gone()
        *lines, self._received = (self._received + received).split(b"\n")
        self._messages += [json.loads(line) for line in lines]
        return True

    def _gone(self) -> DocexpError:
        status = self._template.wait()
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return DocexpError(
            f"the process that starts the runs {how}, and they with it. The same command goes on from checkpoints."
        )
