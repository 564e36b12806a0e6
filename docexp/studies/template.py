"""A warm process from which runs are forked: imports are paid once, and each run is still a process of its own.

Started by ``docexp.studies.warm`` with one end of a socket. It reads one json object a line, ``{"words", "log",
"folder", "environment"}``, and answers ``{"started": pid}``, later ``{"ended": pid, "status": n}``; ``{"signal": n}``
is handed on to every run. It has a session of its own, so that neither a terminal's Ctrl-C nor the killing of the
starter's process group meets it; when the other end of the socket closes, however the starter ended, it kills all
runs and ends.

It computes nothing, since a fork copies only the thread that forks: the threads of OpenMP start in the runs. OpenBLAS
starts some when it is imported, ends them before a fork, and starts them again where they are needed.
"""

import ctypes
import importlib
import json
import os
import pkgutil
import random
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

PR_SET_PDEATHSIG = 1
PRELOADED = ("docexp.verbs.train", "docexp.training.run", "torch._dynamo", "torch.utils.data")
"""What every run imports; the optimiser brings in ``torch._dynamo`` at its first step."""


def main(arguments: Sequence[str]) -> None:
    """Serves until the starter is gone; in a forked child, runs the command line.

    Args:
        arguments: the socket's file descriptor, and the packages to import besides.
    """
    connection = socket.socket(fileno=int(arguments[0]))
    _die_with(os.getppid())  # while imports last, nobody reads the socket
    preload(arguments[1:])
    _die_with(0)
    job = _Server(connection).serve()
    if job is not None:
        _become(job)
        from docexp.cli import main as command_line

        command_line(job["words"])


def preload(packages: Sequence[str]) -> None:
    """Imports what runs need; what cannot be imported is left to the run that needs it, which will say so."""
    for name in PRELOADED:
        importlib.import_module(name)
    for package in packages:
        with suppress(Exception):
            found = importlib.import_module(package)
            for module in pkgutil.iter_modules(getattr(found, "__path__", []), f"{package}."):
                importlib.import_module(module.name)


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: set[int] = set()
        self._received = b""
        self._parent = os.getpid()

    def serve(self) -> dict[str, Any] | None:
        """Forks a child for every job; gives the job in the child, None in this process once the starter is gone."""
        noticed, notices = os.pipe()
        os.set_blocking(notices, False)
        signal.set_wakeup_fd(notices)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(noticed, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == noticed:
                        os.read(noticed, 4096)
                        self._reap()
                        continue
                    try:
                        received = self._connection.recv(65536)
                    except ConnectionError:
                        received = b""
                    if not received:
                        self._kill()
                        return None
                    for order in self._orders(received):
                        if self._obey(order):
                            signal.set_wakeup_fd(-1)
                            os.close(noticed)
                            os.close(notices)
                            self._connection.close()
                            return order

    def _orders(self, received: bytes) -> list[dict[str, Any]]:
        *lines, self._received = (self._received + received).split(b"\n")
        return [json.loads(line) for line in lines]

    def _obey(self, order: dict[str, Any]) -> bool:
        """Whether this process has become the order's child."""
        if "signal" in order:
            for pid in self._children:
                with suppress(ProcessLookupError):
                    os.kill(pid, order["signal"])
            return False
        pid = os.fork()
        if pid == 0:
            os.setsid()
            _die_with(self._parent)
            return True
        self._children.add(pid)
        self._say({"started": pid})
        return False

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.remove(pid)
                _kill_group(pid)
                self._say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})

    def _say(self, message: dict[str, int]) -> None:
        with suppress(OSError):  # the starter is gone: the next read says so
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _kill(self) -> None:
        for pid in self._children:
            _kill_group(pid)
        for pid in self._children:
            os.waitpid(pid, 0)


def _kill_group(pid: int) -> None:
    """Kills a run and its data workers."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _die_with(parent: int) -> None:
    """Ends this process when its parent does, even if that one is killed; 0 takes that back."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL if parent else 0)
    if parent and os.getppid() != parent:
        os._exit(1)


def _become(job: dict[str, Any]) -> None:
    """Makes this child what a process of its own would be."""
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    sys.argv = ["docexp", *job["words"]]


if __name__ == "__main__":
    main(sys.argv[1:])
