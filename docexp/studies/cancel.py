"""Ending what a study runs, so that it can go on from there."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from docexp.runs.lock import Holder, holder_of
from docexp.studies import cluster
from docexp.studies.on_cluster import jobs_of
from docexp.studies.plan import Plan, PlannedRun, PlannedState
from docexp.studies.run import drivers

POLL = 0.2
"""Seconds between two looks at whether a run has ended."""


def cancel(plan: Plan, patience: float, say: Callable[[str], None]) -> int:
    """Asks every process of this machine that runs the study, or one of its runs, to save and stop; and Slurm its jobs.

    Args:
        plan: as it is now.
        patience: seconds to wait for their ends.
        say: told what was done.

    Returns:
        The number of runs that may go on: on another machine or a cluster, or still writing their checkpoint.
    """
    driving = drivers(plan.folder)
    for driver in driving:  # first, so that it starts no further run
        _interrupt(driver)
        say(f"study run, {driver}: asked to stop")
    reached: list[PlannedRun] = []
    going_on = 0
    handed = {name: job for name, job in jobs_of(plan).items() if job.under_way}
    if handed:
        cluster.cancel([job.state.id for job in handed.values()])
    for planned in plan.missing:
        if planned.identity in handed:
            say(f"{planned.name}  {planned.identity}  {handed[planned.identity]}: cancelled")
    for planned in plan.of(PlannedState.RUNNING):
        if planned.identity in handed:
            continue
        holder = holder_of(planned.run.folder)
        if holder is None:
            continue
        if holder.here_and_alive:
            _interrupt(holder)
            reached.append(planned)
        else:
            going_on += 1
            say(f"{planned.name}  {planned.identity}  goes on: {holder} cannot be reached from here")
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(holder_of(planned.run.folder) for planned in reached):
        time.sleep(POLL)
    while time.monotonic() < deadline and any(driver.here_and_alive for driver in driving):
        time.sleep(POLL)
    plan.look()
    for planned in reached:
        still = planned.state is PlannedState.RUNNING
        going_on += still
        say(f"{planned.name}  {planned.identity}  {'is still saving' if still else planned.state}")
    return going_on


def _interrupt(holder: Holder) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(holder.pid, signal.SIGINT)
