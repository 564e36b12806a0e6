"""What submitit runs in a job: one training, its words in the sweep's own log, requeued when its place is taken away.

Imports no torch: the cluster's warning may come while that is being imported.
"""

import os
import shlex
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from docexp.studies.launchers import Job
from docexp.studies.waiting import diverged
from docexp.training import preemption, ranks
from docexp.training.preemption import Preempted

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

BLOCKING = (
    "import os, signal, sys; "
    f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(preemption.WARNING)}]); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""What starts a job's Python: the warning waits until there is somebody to take it, instead of killing the process."""

TOO_OFTEN = 128 + signal.SIGXCPU
"""Exit status of a job that was stopped by its time limit more often than it may be requeued."""


@dataclass(frozen=True)
class SubmittedTraining:
    """``docexp train config=…`` inside a job."""

    config: Path
    log: Path
    again: bool
    starts_from: tuple[Path, ...] = ()
    """Folders of the runs that this one comes after."""

    def __call__(self) -> None:
        """Trains, and ends the process with the exit status that ``docexp train`` has."""
        main = ranks.rank() == 0
        if main:
            _status_file(self.log).unlink(missing_ok=True)
            _write_to(self.log)
        job = preemption.install(main)
        try:
            with job.heeded():
                status = self._train()
        except Preempted:
            self._requeue(job)
            return
        if main:
            _status_file(self.log).write_text(f"{status}\n")
        if status:
            sys.exit(status)

    @classmethod
    def prepared(cls, job: Job, again: bool) -> Self:
        """For a job, whose log it empties."""
        job.log.write_bytes(b"")
        _status_file(job.log).unlink(missing_ok=True)  # a job that never starts tells nothing
        before = tuple(other.folder.resolve() for other in job.after if other.folder is not None)
        return cls(job.config.resolve(), job.log.resolve(), again, before)

    def checkpoint(self) -> "DelayedSubmission":
        """What submitit runs when the job is started again."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(replace(self, again=False))

    def _train(self) -> int:
        from docexp.cli import main

        broken = next(filter(diverged, self.starts_from), None)
        if broken is not None:  # to the cluster its job has ended well
            print(f"not started: run {broken.name} diverged, and nothing is trained from its weights")
            return 0
        # a requeued job goes on with what its first start has begun
        again = self.again and os.environ.get("SLURM_RESTART_COUNT", "0") == "0"
        try:
            main(["train", f"config={self.config}", *(["--again"] if again else [])])
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        return 0

    def _requeue(self, job: preemption.Preemption) -> None:
        from submitit.core.utils import UncompletedJobError

        try:
            job.requeue()
        except UncompletedJobError:
            print(
                "docexp: stopped by the time limit more often than hydra.launcher.max_num_timeout allows; "
                "the same command goes on from the last checkpoint",
                file=sys.stderr,
            )
            sys.exit(TOO_OFTEN)


def status_of(log: Path) -> int | None:
    """The exit status that a job with this log told of itself; None when it was killed, or has not ended."""
    try:
        return int(_status_file(log).read_text())
    except (FileNotFoundError, ValueError):
        return None


def python(executable: str, container: str = "") -> str:
    """The shell words that start a job's Python, for submitit.

    Args:
        executable: Python's path, inside the container if there is one.
        container: the words before it, as ``apptainer exec --nv image.sif``.
    """
    return " ".join(filter(None, [container, shlex.join([executable, "-S", "-E", "-c", BLOCKING, executable])]))


def _status_file(log: Path) -> Path:
    return log.with_suffix(".status")


def _write_to(log: Path) -> None:
    """Sends what this process prints to the end of ``log``."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
