"""Ending what a study runs, so that it can go on from there."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from docexp.runs.lock import Holder, holder_of
from docexp.studies import cluster
from docexp.studies.on_cluster import jobs_of
from docexp.studies.plan import Plan, PlannedState
from docexp.studies.run import drivers

POLL = 0.2
"""Seconds between two looks at whether a process has ended."""


def cancel(plan: Plan, patience: float, say: Callable[[str], None]) -> int:
    """Asks every process of this machine that runs the study, or one of its runs, to save and stop; and Slurm its jobs.

    Args:
        plan: as it is now.
        patience: seconds to wait for their ends.
        say: told what was done.

    Returns:
        The number of runs that may go on: on another machine or a cluster, or still writing their checkpoint.
    """
    jobs = {name: job for name, job in jobs_of(plan).items() if job.under_way}
    if jobs:
        cluster.cancel([job.state.id for job in jobs.values()])
    for planned in plan.missing:
        if planned.identity in jobs:
            say(f"{planned.name}  {planned.identity}  {jobs[planned.identity]}: cancelled")
    running = [planned for planned in plan.of(PlannedState.RUNNING) if planned.identity not in jobs]
    deadline = time.monotonic() + patience
    # first, so that they start no further run; they hand it on to the runs they have started
    _stop(drivers(plan.folder), deadline, lambda driver: say(f"study run, {driver}: asked to stop"))
    holders = [holder for planned in running if (holder := holder_of(planned.run.folder)) and holder.here_and_alive]
    _stop(holders, deadline, lambda holder: say(f"{holder}: asked to stop"))
    plan.look()
    for planned in running:
        holder = holder_of(planned.run.folder)
        end = planned.state.value if holder is None else f"goes on: {holder}"
        say(f"{planned.name}  {planned.identity}  {end}")
    return sum(planned.state is PlannedState.RUNNING for planned in running)


def _stop(processes: list[Holder], deadline: float, say: Callable[[Holder], None]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(process.pid, signal.SIGINT)
        say(process)
    while time.monotonic() < deadline and any(process.here_and_alive for process in processes):
        time.sleep(POLL)
