"""Hydra launchers of docexp: every job of a sweep is checked before the first one starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Runs the jobs of a sweep on this machine, ``parallel`` at a time, each in a process of its own."""

    def __init__(self, parallel: int = 1) -> None:
        self.parallel = parallel
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra's sweeper before ``launch``."""
        self.task_function = task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hands all jobs of a batch to the task function, which starts them and waits."""
        assert self.task_function is not None
        jobs: Any = [list(overrides) for overrides in job_overrides]
        outcomes: Any = self.task_function((jobs, self.parallel))  # pyright: ignore[reportArgumentType]
        results = []
        for index, (overrides, failure) in enumerate(zip(jobs, outcomes, strict=True)):
            result = JobReturn(overrides=overrides, working_dir=str(Path.cwd()))
            result.status = JobStatus.FAILED if failure else JobStatus.COMPLETED
            result.return_value = failure or index
            results.append(result)
        return results


def register() -> None:
    """Makes the launchers known to Hydra, which otherwise finds plugins only in its own namespace."""
    if LocalLauncher not in Plugins.instance().discover(Launcher):
        Plugins.instance().register(LocalLauncher)
