"""Waiting for jobs, without accounting and without waiting for ever."""

import time
from collections.abc import Callable, Mapping, Sequence

from docexp.errors import DocexpError
from docexp.studies.cluster import JobState, how_it_ended, states
from docexp.studies.launchers import Job, Outcome
from docexp.studies.submitted import status_of

EVERY = 5.0
"""Seconds between two questions."""
UNANSWERED = 600.0
"""Seconds without an answer after which nobody is waited for any more."""
UNKNOWN = 1
"""The exit status told of a job that was killed before it could tell its own."""


def wait_for(
    submitted: Mapping[str, str], jobs: Sequence[Job], ended: Callable[[Outcome], None], every: float = EVERY
) -> None:
    """Tells ``ended`` of each job that has come to its end; returns when all have.

    Args:
        submitted: the jobs' ids by their names.
        jobs: the jobs.
        ended: who is told.
        every: seconds between two questions.

    Raises:
        DocexpError: Slurm has not answered for ten minutes; the jobs go on.
    """
    began = answered = time.monotonic()
    left = {submitted[job.name]: job for job in jobs}
    while left:
        try:
            found = states(list(left))
            answered = time.monotonic()
        except DocexpError:
            if time.monotonic() - answered > UNANSWERED:
                raise
            found = {}
        for number, state in found.items():
            if state.ended:
                ended(_outcome(left.pop(number), state, time.monotonic() - began))
        if left:
            time.sleep(every)


def _outcome(job: Job, state: JobState, seconds: float) -> Outcome:
    told = status_of(job.log)
    if state.state == "COMPLETED" or told == 0:
        return Outcome(job, 0, seconds)
    if told is not None:
        return Outcome(job, told, seconds)
    return Outcome(job, state.status or UNKNOWN, seconds, how_it_ended(state, job.log))
