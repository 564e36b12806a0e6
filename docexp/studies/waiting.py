"""Which of several jobs may start, where some come after others."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from docexp.runs.folder import RunFolder
from docexp.runs.result import DIVERGED, Result
from docexp.studies.launchers import Job


class Waiting:
    """Jobs that are still to start; one that comes after a job without a result never will.

    Args:
        jobs: in the order in which they start where nothing else decides.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(jobs)
        self._lost: set[Job] = set()

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def startable(self, running: Collection[Job]) -> Iterator[Job]:
        """Those that may start now, while ``running`` run; what cannot start any more is dropped."""
        for job in list(self._jobs):
            if self._lost & set(job.after):
                self._jobs.remove(job)
                self._lost.add(job)
            elif not set(job.after) & {*self._jobs, *running}:
                yield job

    def start(self, job: Job) -> None:
        """Notes that a job was started."""
        self._jobs.remove(job)

    def start_again(self, job: Job) -> None:
        """Puts a job back, before all others."""
        self._jobs.insert(0, job)

    def lose(self, job: Job) -> None:
        """Notes that a job came to no result that another could start from."""
        self._lost.add(job)


def diverged(folder: Path | None) -> bool:
    """Whether the run in a folder diverged, so that nothing should start from its weights."""
    file = RunFolder(folder).result if folder is not None else None
    return file is not None and file.is_file() and Result.read(file).status == DIVERGED
