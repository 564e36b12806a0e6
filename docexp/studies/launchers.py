"""How jobs are started: ``conf/hydra/launcher/``. Imports nothing heavy."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

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
    retries: int | None = None
    """How often it is started again after a failure; None leaves it to the launcher."""
    folder: Path | None = None
    """The run's folder, where a run that another process is training shall be waited for."""
    submitted: str = ""
    """The id that an earlier launch gave a job which others are to wait for; empty for one that is to be launched."""


@dataclass(frozen=True)
class Outcome:
    """How a job's process ended: its exit status, or minus the signal that killed it."""

    job: Job
    status: int
    seconds: float
    reason: str = ""
    """Where a cluster says more than the status: that a job was cancelled, or why it was killed."""


@dataclass(kw_only=True)
class LauncherSettings(Settings, ABC):
    """A way of starting jobs."""

    queues: ClassVar[bool] = False
    """Whether a job may come after one that an earlier launch has submitted."""

    @abstractmethod
    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Starts every job; ``ended`` is told about each that has come to its end before this returns.

        Nobody is told about a job that was never started, because one of those it comes after has no result.

        Returns:
            The cluster's job id by the job's name, where jobs were only handed over; else nothing, as all have ended.

        Raises:
            KeyboardInterrupt: Ctrl-C; what ran has been asked to stop, and has ended.
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
    """Runs the jobs on this machine, each in a process and a process group of its own."""

    parallel: AtLeast1 = 1
    """Jobs at once; each then gets its share of the CPU's cores and of the GPUs."""

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Runs all jobs, ``parallel`` at a time."""
        from docexp.studies.pool import run_all

        if jobs:
            run_all(jobs, self.parallel, again, ended)
        return {}
