"""What became of jobs that were handed to Slurm, by their ids, and ending them; works without accounting."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docexp.errors import DocexpError

PATIENCE = 60
"""Seconds that Slurm may take for an answer."""
AT_ONCE = 500
"""Ids in one question: a command line has an end."""
FOLDER = ".submitit"
"""Beside the jobs' logs: scripts, what the tasks other than the first print, and Slurm's own words."""
GONE = "GONE"
"""The state of a job that the cluster does not know any more."""
WAITS = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
RUNS = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})
IN_WORDS = {
    "CANCELLED": "was cancelled",
    "OUT_OF_MEMORY": "ran out of memory",
    "TIMEOUT": "was stopped by its time limit",
    "DEADLINE": "was stopped by its time limit",
    "NODE_FAIL": "lost its node",
    "BOOT_FAIL": "lost its node",
    "PREEMPTED": "was preempted and not requeued",
    GONE: "has left the queue; the cluster does not know it any more",
}
"""How a job ended, where the exit status does not say it better."""
KILLED_FOR_MEMORY = ("oom-kill", "oom_kill", "Out Of Memory")
"""What slurmstepd prints, also where the job's state is only FAILED."""


@dataclass(frozen=True)
class JobState:
    """One job; ``state`` is Slurm's own word, or ``GONE``."""

    id: str
    state: str
    node: str = ""
    requeues: int = 0
    reason: str = ""
    """Why it waits."""
    status: int = 0
    """Its exit status once it has ended, 128 more than the signal that killed it."""

    @property
    def waits(self) -> bool:
        """Whether it is still to start, perhaps once more."""
        return self.state in WAITS

    @property
    def runs(self) -> bool:
        """Whether it has a node now."""
        return self.state in RUNS

    @property
    def ended(self) -> bool:
        """Whether it will not run any more."""
        return not (self.waits or self.runs)

    def __str__(self) -> str:
        times = {0: "", 1: ", requeued once", 2: ", requeued twice"}.get(
            self.requeues, f", requeued {self.requeues} times"
        )
        if self.waits:
            return f"pending{f' ({self.reason})' if self.reason not in ('', 'None') else ''}{times}"
        if self.runs:
            return f"running on {self.node}{times}"
        if self.state == "COMPLETED":
            return f"completed{times}"
        return IN_WORDS.get(self.state, f"failed with status {self.status}") + times


def states(ids: Sequence[str]) -> dict[str, JobState]:
    """The state of each of the jobs, which have ids as ``48213_7`` or ``48213``.

    Raises:
        DocexpError: Slurm is not here, or does not answer.
    """
    found: dict[str, JobState] = {}
    for asked in _parts(ids):
        found.update(_queued(asked))
        missing = [job for job in asked if job not in found]
        if missing:
            found.update(_accounted(missing))
    return {job: found.get(job, JobState(job, GONE)) for job in ids}


def cancel(ids: Sequence[str]) -> None:
    """Ends jobs: those that wait at once, those that run after they have saved their step, if that is soon enough.

    Raises:
        DocexpError: Slurm is not here, or does not answer.
    """
    for asked in _parts(ids):
        # SIGINT, upon which training saves; the SIGKILL of the second comes KillWait seconds later (30 by default)
        _ask("scancel", "--signal=INT", "--state=RUNNING", "--quiet", *asked)
        code, _, said = _ask("scancel", "--quiet", *asked)
        if code and "Invalid job id" not in said:
            raise DocexpError(f"Slurm did not cancel: {_last(said)}")


def last_words(log: Path, job: str, lines: int = 3) -> list[str]:
    """The last lines of a job's log, and what Slurm said of its end."""
    said = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return [line for line in said if not line.startswith("submitit ")][-lines:] + slurm_words(log, job)[-lines:]


def slurm_words(log: Path, job: str) -> list[str]:
    """What Slurm wrote about a job: which task was killed, and why."""
    file = log.parent / FOLDER / f"{job}_0_log.err"
    lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
    return [line for line in lines if line.startswith(("srun: error", "slurmstepd"))]


def how_it_ended(state: JobState, log: Path) -> str:
    """In words: by the state, or by what Slurm wrote, which knows of memory where the state does not."""
    if state.status and any(words in line for line in slurm_words(log, state.id) for words in KILLED_FOR_MEMORY):
        return IN_WORDS["OUT_OF_MEMORY"]
    return str(state)


def _queued(ids: Sequence[str]) -> dict[str, JobState]:
    """Those in the queue, and those that ended so lately that Slurm still has them in memory (``MinJobAge``)."""
    fields = ("JobArrayID", "State", "NodeList", "RestartCnt", "exit_code", "Reason")
    how = ["--noheader", "--array", "--states=all", f"--Format={','.join(f'{name}:|' for name in fields)}"]
    code, answer, said = _ask("squeue", *how, f"--jobs={','.join(ids)}")
    if code and "Invalid job id" not in said:
        raise DocexpError(f"Slurm does not tell its queue: {_last(said)}")
    found = {}
    for line in answer.splitlines():
        job, state, node, requeues, ended, reason = line.split("|")[: len(fields)]
        found[job] = JobState(job, state, node, int(requeues or 0), reason, _exit_status(ended))
    return found


def _accounted(ids: Sequence[str]) -> dict[str, JobState]:
    """Those that accounting remembers; none where there is no accounting."""
    if shutil.which("sacct") is None:
        return {}
    how = ["--noheader", "--parsable2", "--allocations", "--format=JobID,State,NodeList,ExitCode"]
    code, answer, _ = _ask("sacct", *how, f"--jobs={','.join(ids)}")
    found = {}
    for line in answer.splitlines() if code == 0 else ():
        job, state, node, ended = line.split("|")[:4]
        status, killed = (int(part or 0) for part in f"{ended}:".split(":")[:2])
        found[job] = JobState(job, state.split()[0], node, status=128 + killed if killed else status)
    return found


def _exit_status(raw: str) -> int:
    """From what ``wait`` gave, as squeue prints it."""
    number = int(raw or 0)
    return 128 + (number & 127) if number & 127 else number >> 8


def _ask(*words: str) -> tuple[int, str, str]:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise DocexpError(f"{words[0]} is not here: ask for Slurm's jobs on a machine of the cluster.") from None
    except subprocess.TimeoutExpired:
        raise DocexpError(f"Slurm does not answer: {words[0]} took more than {PATIENCE} s. Try again.") from None
    return done.returncode, done.stdout, done.stderr


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["without a word"])[-1].partition("error: ")[2] or said.strip()


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    unique = list(dict.fromkeys(ids))
    return (unique[first : first + AT_ONCE] for first in range(0, len(unique), AT_ONCE))
