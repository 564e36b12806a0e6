"""How a job's end is told: one line with its score, or the last lines of what it said."""

import signal
from pathlib import Path

from docexp.runs.find import locate
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import DIVERGED, Result
from docexp.studies.launchers import Outcome
from docexp.training.amounts import duration

TAIL_LINES = 20
INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def told(outcome: Outcome, run: ResolvedRun) -> str:
    """The job's name, its run, and how it ended."""
    head = f"{outcome.job.name}  {run.identity}"
    if outcome.status == INTERRUPTED:
        return f"{head}  {how(outcome.status)}"
    if outcome.status:
        tail = last_lines(outcome.job.log, TAIL_LINES)
        lines = "".join(f"\n    {line}" for line in tail)
        return f"{head}  {outcome.reason or how(outcome.status)}, last lines of {outcome.job.log}:{lines}"
    folder = locate(run.identity, Path(run.settings.paths.runs)) or run.folder  # another start may have placed it
    result = Result.read(folder.result)
    score = "diverged" if result.status == DIVERGED else f"{result.primary_metric} {100 * result.value:.1f}"
    return f"{head}  {score}  {duration(outcome.seconds)}"


def how(status: int) -> str:
    """An exit status other than 0 in words."""
    if status == INTERRUPTED:
        return "was interrupted"
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"failed with status {status}"


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log that say something."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return [line for line in lines if line.strip()][-count:]
