"""Timing things against each other in one process: alternating order, medians, spread."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Seconds of every repetition, in the order in which they ran."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """From the fastest to the slowest, as a share of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median


@dataclass(frozen=True)
class Clock:
    """``process`` counts this process's CPU time, which other programs disturb least; ``wall`` the time that passes."""

    kind: str
    device: torch.device

    def __call__(self, work: Callable[[], object]) -> float:
        """Seconds that ``work`` takes."""
        now = time.process_time if self.kind == "process" else time.perf_counter
        self._wait()
        began = now()
        work()
        self._wait()
        return now() - began

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def alternate(works: Mapping[str, Callable[[], object]], repeats: int, clock: Clock) -> dict[str, Timing]:
    """Times every work ``repeats`` times after one run that does not count; each round in the other order."""
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(repeats):
        for name in list(works)[:: -1 if number % 2 else 1]:
            seconds[name].append(clock(works[name]))
    return {name: Timing(found) for name, found in seconds.items()}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many CPU threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
