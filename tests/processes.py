"""Waiting for what other processes do, and for their end."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def processes_in(folder: Path) -> list[int]:
    """Living processes that were started in a folder, without this one and those that tests keep (the fork server)."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            kept = os.getpid() in (int(place.name), int(parent))
            if (place / "cwd").resolve() == folder and state not in "ZX" and not kept:
                found.append(int(place.name))
        except OSError:
            continue
    return found


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
