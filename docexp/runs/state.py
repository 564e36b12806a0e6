"""How far a run has come, told from its folder alone."""

from enum import StrEnum

from docexp.runs.environment import FAILED, segments
from docexp.runs.folder import RunFolder
from docexp.runs.lock import holder_of
from docexp.runs.result import DIVERGED, Result


class RunState(StrEnum):
    """``interrupted`` and ``failed`` runs go on when they are started again; a diverged one is at its end."""

    NEW = "new"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DIVERGED = "diverged"
    FINISHED = "finished"


def state_of(folder: RunFolder) -> RunState:
    """The run's state.

    Raises:
        DocexpError: a file in the folder is damaged.
    """
    if folder.result.exists():
        return RunState.DIVERGED if Result.read(folder.result).status == DIVERGED else RunState.FINISHED
    if holder_of(folder) is not None:
        return RunState.RUNNING
    starts = segments(folder)
    if not starts:
        return RunState.NEW
    return RunState.FAILED if starts[-1].outcome == FAILED else RunState.INTERRUPTED
