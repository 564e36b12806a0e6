"""Jobs to sbatch, through submitit."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docexp.errors import DocexpError
from docexp.studies.cluster import FOLDER
from docexp.studies.launchers import Job
from docexp.studies.slurm.resources import Resources
from docexp.studies.submitted import TOO_OFTEN, SubmittedTraining, python

if TYPE_CHECKING:
    from docexp.studies.slurm.launcher import SlurmLauncher

KEPT = ("SLURM_CONF",)
"""What a job that submits jobs hands on of its own Slurm environment."""
OF_RANKS = ("RANK", "WORLD_SIZE", "MASTER_", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_", "TORCHELASTIC_")
"""What a rank knows of its place, which new jobs must not take for theirs."""
LONGEST_ARRAY = 1000
"""Slurm's own limit (``MaxArraySize``) is 1001 where a site has not changed it."""
NOT_RETRIED = (0, 2, 130, TOO_OFTEN, 255)
"""Exit statuses of a job that came to its end, was refused, stopped, ran out of times, or has requeued itself."""


def submit(launcher: "SlurmLauncher", jobs: Sequence[Job], again: bool) -> dict[str, str]:
    """Submits the jobs in arrays, those that others wait for first.

    Returns:
        Slurm's job id by the job's name, ``48213_7`` in an array.

    Raises:
        DocexpError: Slurm is not here, or refuses a job; what was submitted until then is cancelled.
    """
    for program in ("sbatch", "srun"):
        if shutil.which(program) is None:
            raise DocexpError(
                f"{program} is not here: hydra/launcher=slurm submits jobs from a machine of the cluster. "
                "Elsewhere use hydra/launcher=local."
            )
    ids: dict[str, str] = {}
    try:
        for kind, group in _groups(launcher, jobs):
            numbers = [other.submitted or ids[other.name] for other in kind.after]
            for first in range(0, len(group), LONGEST_ARRAY):
                part = group[first : first + LONGEST_ARRAY]
                ids.update(_submit_array(launcher, kind, numbers, part, again))
    except BaseException:
        if ids:
            subprocess.run(["scancel", *ids.values()], capture_output=True, check=False, timeout=60)
        raise
    return ids


@dataclass(frozen=True)
class _Kind:
    """What the jobs of an array have in common."""

    resources: Resources
    after: tuple[Job, ...]
    retries: int


def _groups(launcher: "SlurmLauncher", jobs: Sequence[Job]) -> Iterator[tuple[_Kind, list[Job]]]:
    """Jobs that can share an array, whose predecessors all came before."""
    names, left, given = {job.name for job in jobs}, list(jobs), set()
    while left:
        groups: dict[_Kind, list[Job]] = {}
        for job in left:
            after = tuple(other for other in job.after if other.submitted or other.name in names)  # others: a result
            if all(other.submitted or other.name in given for other in after):
                retries = launcher.retries if job.retries is None else job.retries
                kind = _Kind(Resources.of(job, launcher.cpus_per_task), after, retries)
                groups.setdefault(kind, []).append(job)
        if not groups:
            raise ValueError(f"these jobs wait for each other: {[job.name for job in left]}")
        for kind, group in groups.items():
            yield kind, group
            given.update(job.name for job in group)
        left = [job for job in left if job.name not in given]


def _submit_array(
    launcher: "SlurmLauncher", kind: _Kind, after: Sequence[str], group: Sequence[Job], again: bool
) -> dict[str, str]:
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError

    folder = (group[0].log.parent / FOLDER).resolve()
    trainings = [SubmittedTraining.prepared(job, again) for job in group]
    with _own_environment():
        executor = SlurmExecutor(
            folder,
            max_num_timeout=launcher.max_num_timeout,
            python=python(launcher.python or sys.executable, launcher.container),
        )
        executor.update_parameters(**_parameters(launcher, kind, after, folder))
        try:
            with redirect_stderr(StringIO()):  # submitit prints what it then raises
                submitted = executor.submit_array(trainings)
        except FailedJobError as error:
            raise _refused(str(error)) from None
    return {job.name: given.job_id for job, given in zip(group, submitted, strict=True)}


def _parameters(launcher: "SlurmLauncher", kind: _Kind, after: Sequence[str], folder: Path) -> dict[str, Any]:
    """What submitit writes into the script."""
    resources = kind.resources
    more: dict[str, Any] = {"requeue": True, **launcher.sbatch}
    if after:
        more["kill-on-invalid-dep"] = "yes"  # else what waits for a job that failed would wait for ever
    asked = {
        "job_name": f"docexp-{folder.parent.name}",
        "partition": launcher.partition,
        "account": launcher.account,
        "qos": launcher.qos,
        "constraint": launcher.constraint,
        "time": launcher.timeout_min,
        "signal_delay_s": launcher.signal_delay_s,
        "nodes": resources.nodes,
        "ntasks_per_node": resources.tasks_per_node,
        "cpus_per_task": resources.cpus_per_task,
        "gpus_per_node": None if launcher.gres else resources.gpus_per_node or None,
        "gres": launcher.gres,
        "mem": f"{round(launcher.mem_gb * 1024)}M" if launcher.mem_gb else None,
        "dependency": f"afterok:{':'.join(after)}" if after else None,
        "array_parallelism": launcher.parallel,
        "setup": [f'export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-{resources.threads}}}"', *launcher.setup],
        # a rank that died leaves the others waiting; since Slurm 22.05 srun does not know --cpus-per-task by itself
        "srun_args": ["--kill-on-bad-exit=1", f"--cpus-per-task={resources.cpus_per_task}", *launcher.srun],
        "teardown": _retrying(kind.retries, folder) if kind.retries else None,
        "additional_parameters": more,
    }
    return {key: value for key, value in asked.items() if value is not None}


def _retrying(times: int, folder: Path) -> list[str]:
    """Shell lines after srun that start a job again which crashed or lost a rank, and keep its exit status."""
    return [
        "status=$?",
        f"retried={shlex.quote(str(folder))}/$SLURM_JOB_ID.retried",
        f"case $status in {'|'.join(map(str, NOT_RETRIED))}) exit $status;; esac",
        'echo "status $status" >> "$retried"',
        f'[ "$(wc -l < "$retried")" -le {times} ] && scontrol requeue "$SLURM_JOB_ID"',
        "exit $status",
    ]


@contextmanager
def _own_environment() -> Iterator[None]:
    """Without what this process is told of its own job and rank, which sbatch would hand on to the new jobs."""
    own = OF_RANKS + (("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_") if "SLURM_JOB_ID" in os.environ else ())
    hidden = {key: value for key, value in os.environ.items() if key.startswith(own) and key not in KEPT}
    for key in hidden:
        del os.environ[key]
    try:
        yield
    finally:
        os.environ.update(hidden)


HINTS = {
    "invalid partition": "Set hydra.launcher.partition; sinfo lists them.",
    "invalid account": "Set hydra.launcher.account and hydra.launcher.partition to what you may use.",
    "invalid qos": "Set hydra.launcher.qos to what you may use.",
    "configuration source": "Is this a machine of the cluster? Otherwise export SLURM_CONF=/path/to/slurm.conf.",
    "contact slurm controller": "The cluster does not answer: try again, or ask its keepers.",
    "time limit": "Lower hydra.launcher.timeout_min.",
    "configuration is not available": "No node has that: see hardware.nodes, hardware.devices and hydra.launcher.",
}
"""What to do about sbatch's refusals, by words in them."""


def _refused(said: str) -> DocexpError:
    """sbatch's refusal in a line, and what to change."""
    lines = [line.removeprefix("sbatch: ").removeprefix("error: ").strip() for line in said.splitlines()]
    lines = [line for line in lines if line] or ["without a word"]
    text = next((line for line in lines if "fatal" in line or "Batch job submission failed" in line), lines[-1])
    hint = next((hint for words, hint in HINTS.items() if words in said.lower()), "")
    return DocexpError(f"Slurm refuses the job: {text.rstrip('.')}. {hint}".rstrip())
