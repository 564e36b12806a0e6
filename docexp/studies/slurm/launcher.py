"""``hydra/launcher=slurm``: runs become jobs of a Slurm cluster. Imports nothing heavy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from docexp.errors import DocexpError
from docexp.settings import AtLeast0, AtLeast1, Positive
from docexp.studies.cluster import states
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.slurm.resources import Resources
from docexp.studies.slurm.wait import wait_for

DERIVED = ("nodes", "ntasks-per-node", "cpus-per-task", "gpus-per-node", "dependency", "array", "signal", "requeue")
"""Options of sbatch that follow from the run."""


@dataclass(kw_only=True)
class SlurmLauncher(LauncherSettings):
    """Hands the runs to Slurm and returns at once.

    Runs that need the same resources become one array; a run that comes after others waits for them in the queue.
    Nodes, tasks, GPUs and cores follow from ``hardware`` and ``data.workers``.
    """

    queues: ClassVar[bool] = True

    wait: bool = False
    """Wait for the jobs and tell how each ended, as the local launcher does."""
    partition: str | None = None
    """Where the jobs run; unset: the cluster's default."""
    account: str | None = None
    """Who pays for them."""
    qos: str | None = None
    """Quality of service."""
    constraint: str | None = None
    """Features that the nodes must have."""
    timeout_min: AtLeast1 = 720
    """Minutes after which Slurm stops a job; it saves before, and is requeued."""
    max_num_timeout: AtLeast0 = 20
    """How often a job is requeued because its time was up; how often it is preempted does not count."""
    retries: AtLeast0 = 1
    """How often a job is started again that crashed or lost a rank; it goes on from its last checkpoint. A study says
    it itself."""
    signal_delay_s: AtLeast1 = 120
    """Seconds before the end of its time at which a job is warned."""
    mem_gb: Positive | None = None
    """Memory per node in GB; unset: the cluster's default."""
    cpus_per_task: AtLeast1 | None = None
    """Cores per task; unset: ``hardware.threads`` (1 where unset) and one for each of ``data.workers``."""
    gres: str | None = None
    """Takes the place of ``--gpus-per-node``, where a cluster wants ``gpu:a100:4``."""
    parallel: AtLeast1 = 256
    """Jobs of an array that run at once."""
    setup: list[str] = field(default_factory=list)
    """Shell lines that a job begins with, as ``module load cuda``."""
    container: str = ""
    """Words before Python, as ``apptainer exec --nv docexp.sif``."""
    python: str = ""
    """The Python that the jobs run; empty: the one that submits them."""
    srun: list[str] = field(default_factory=list)
    """More options for srun."""
    sbatch: dict[str, str] = field(default_factory=dict)
    """More options for sbatch, without their dashes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.signal_delay_s >= 60 * self.timeout_min:
            raise DocexpError(
                f"signal_delay_s={self.signal_delay_s} must be less than timeout_min={self.timeout_min} minutes"
            )
        derived = [name for name in self.sbatch if name.replace("_", "-") in DERIVED]
        if derived:
            raise DocexpError(f"sbatch.{derived[0]} is derived from hardware and data.workers: set it there")

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a run whose resources contradict the launcher's."""
        Resources.from_config(config, self.cpus_per_task)

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Submits all jobs; waits for them only if ``wait`` is set.

        Raises:
            DocexpError: Slurm is not here or refuses a job; then none of them stays submitted.
        """
        from docexp.studies.slurm.submit import submit

        submitted = submit(self, jobs, again)
        if not self.wait:
            return submitted
        wait_for(submitted, jobs, ended)
        return {}

    def under_way(self, ids: Sequence[str]) -> dict[str, str]:
        """Those that wait in the queue or run."""
        return {job: str(state) for job, state in states(ids).items() if not state.ended}

    def told(self, ids: Mapping[str, str]) -> str:
        """Which jobs were submitted, on what terms, and how to look at them."""
        numbers = list(dict.fromkeys(job.partition("_")[0] for job in ids.values()))
        arrays = ", ".join(numbers[:4]) + (", …" if len(numbers) > 4 else "")
        noun = "Slurm job" if len(numbers) == 1 else "Slurm jobs"
        where = f"partition {self.partition or 'by default'}, {self.timeout_min} min each"
        return f"{len(ids)} submitted as {noun} {arrays} ({where}) · squeue --jobs={','.join(numbers)}"
