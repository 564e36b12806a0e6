"""A job in a process of its own on this machine."""

import os
import subprocess
import sys
import time

from docexp.studies.launchers import Job, Outcome


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_alone(job: Job, again: bool, share: int) -> Outcome:
    """Runs ``docexp train config=…`` to its end; what it says goes to the job's log.

    Args:
        job: the job.
        again: whether a finished run is trained anew.
        share: how many jobs share the machine's cores; a number of threads that the environment sets stays.
    """
    began = time.monotonic()
    # the configuration goes as a file, not as the words of the command line, which would start the sweep again
    command = [sys.executable, "-m", "docexp.cli", "train", f"config={job.config}", *(["--again"] if again else [])]
    environment = {"OMP_NUM_THREADS": str(max(cores() // share, 1)), **os.environ}
    with job.log.open("wb") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    return Outcome(job, status, time.monotonic() - began)
