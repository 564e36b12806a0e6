"""``hydra/launcher=submitit_local``: what a Slurm job would run, in processes of this machine."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from docexp.settings import AtLeast0, AtLeast1
from docexp.studies.cluster import FOLDER
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.slurm.resources import Resources
from docexp.studies.submitted import SubmittedTraining, python, status_of
from docexp.studies.waiting import Waiting

EVERY = 0.1
"""Seconds between two looks at the processes."""


@dataclass(kw_only=True)
class SubmititLocalLauncher(LauncherSettings):
    """Runs the jobs by submitit on this machine: tasks are ranks, and a job whose time is up starts again.

    A job goes on when this process is killed.
    """

    parallel: AtLeast1 = 1
    """Jobs at once."""
    timeout_min: AtLeast1 = 720
    """Minutes after which a job is stopped; it saves before, and starts again."""
    max_num_timeout: AtLeast0 = 5
    """How often."""
    signal_delay_s: AtLeast1 = 30
    """Seconds before the end of its time at which a job is warned."""
    setup: list[str] = field(default_factory=list)
    """Shell lines that a job begins with."""

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Runs all jobs, ``parallel`` at a time."""
        waiting, running = Waiting(jobs), {}
        while waiting or running:
            for job in waiting.startable([job for job, *_ in running.values()]):
                if len(running) >= self.parallel:
                    break
                waiting.start(job)
                running[job.name] = job, self._start(job, again), time.monotonic()
            for job, process, began in list(running.values()):
                if process.done():
                    del running[job.name]
                    status = status_of(job.log)
                    reason = "was killed" if status is None else ""
                    if status != 0:
                        waiting.lose(job)
                    ended(Outcome(job, 1 if status is None else status, time.monotonic() - began, reason))
            time.sleep(EVERY)
        return {}

    def _start(self, job: Job, again: bool) -> Any:
        from submitit import LocalExecutor

        resources = Resources.of(job, None)
        executor = LocalExecutor(
            (job.log.parent / FOLDER).resolve(), max_num_timeout=self.max_num_timeout, python=python(sys.executable)
        )
        executor.update_parameters(
            timeout_min=self.timeout_min,
            signal_delay_s=self.signal_delay_s,
            tasks_per_node=resources.tasks_per_node,
            gpus_per_node=resources.gpus_per_node,
            setup=[f'export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-{resources.threads}}}"', *self.setup],
        )
        return executor.submit(SubmittedTraining.prepared(job, again))
