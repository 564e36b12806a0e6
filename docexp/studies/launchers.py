"""How the jobs of a sweep are started: ``conf/hydra/launcher/``. Imports nothing heavy."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Settings


@dataclass(frozen=True)
class Job:
    """One run to start: how tables call it, its configuration as a file, and where its process writes."""

    name: str
    config: Path
    log: Path
    after: "tuple[Job, ...]" = ()
    """What must have come to a result before this one can start."""
    submitted: str = ""
    """The id that an earlier launch gave a job which others are to wait for; empty for one that is to be launched."""


@dataclass(frozen=True)
class Outcome:
    """How a job's process ended."""

    job: Job
    status: int
    seconds: float
    reason: str = ""
    """Where a cluster says more than the status: that a job was cancelled, or why it was killed."""


@dataclass(kw_only=True)
class LauncherSettings(Settings, ABC):
    """A way of starting jobs."""

    @abstractmethod
    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Starts every job; ``ended`` is told about each that has come to its end before this returns.

        Returns:
            The cluster's job id by the job's name, where jobs were only handed over; else nothing, as all have ended.
        """

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a run, by its plain configuration, that this way of starting cannot give what it needs."""
        if config["hardware"]["nodes"] > 1:
            raise DocexpError(
                f"hardware.nodes={config['hardware']['nodes']}: more than one node needs Slurm. "
                "Use hydra/launcher=slurm, or hardware.nodes=1."
            )

    def under_way(self, ids: Sequence[str]) -> dict[str, str]:
        """Of jobs that were handed over earlier those that have not ended, with their state in words."""
        del ids
        return {}

    def told(self, ids: Mapping[str, str]) -> str:
        """What was handed over, by the ids that ``launch`` gave, and how to look at it."""
        return f"{len(ids)} submitted: {', '.join(ids.values())}"


@dataclass(kw_only=True)
class LocalLauncher(LauncherSettings):
    """Runs the jobs on this machine, each in a process of its own."""

    parallel: AtLeast1 = 1
    """Jobs at once; each then gets its share of the CPU's cores."""

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Runs all jobs, ``parallel`` at a time."""
        with ThreadPoolExecutor(self.parallel) as pool:
            for outcome in pool.map(lambda job: self._run(job, again, ended), jobs):
                assert outcome is not None
        return {}

    def _run(self, job: Job, again: bool, ended: Callable[[Outcome], None]) -> Outcome:
        began = time.monotonic()
        # the configuration goes as a file, not as the words of the command line, which would start the sweep again
        command = [sys.executable, "-m", "docexp.cli", "train", f"config={job.config}", *(["--again"] if again else [])]
        with job.log.open("wb") as log:
            status = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, env=self._environment(), check=False
            ).returncode
        outcome = Outcome(job, status, time.monotonic() - began)
        ended(outcome)
        return outcome

    def _environment(self) -> dict[str, str]:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # a number of threads that is set already stays
        return {"OMP_NUM_THREADS": str(max(cores // self.parallel, 1)), **os.environ}
