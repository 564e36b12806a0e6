"""What a job asks Slurm for, derived from its run's own configuration. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from docexp.errors import DocexpError
from docexp.studies.launchers import Job


@dataclass(frozen=True)
class Resources:
    """Nodes, and what each of a node's tasks needs; jobs with equal ones can share an array."""

    nodes: int
    tasks_per_node: int
    cpus_per_task: int
    gpus_per_node: int
    threads: int

    @classmethod
    def of(cls, job: Job, cpus_per_task: int | None) -> "Resources":
        """A job's, from the configuration it is to train.

        Args:
            job: the job.
            cpus_per_task: overrules ``hardware.threads`` (1 where unset) plus ``data.workers``.

        Raises:
            DocexpError: fewer cores than threads and workers need.
        """
        config = yaml.safe_load(job.config.read_text(encoding="utf-8"))
        return cls.from_config(config, cpus_per_task)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], cpus_per_task: int | None) -> "Resources":
        """The same from the plain configuration itself."""
        hardware, workers = config["hardware"], config["data"]["workers"]
        threads = hardware["threads"] or max((cpus_per_task or 1) - workers, 1)
        cores = threads + workers
        if cpus_per_task is not None and cpus_per_task < cores:
            raise DocexpError(
                f"hydra.launcher.cpus_per_task={cpus_per_task} is less than hardware.threads and data.workers need "
                f"({threads} + {workers}). Raise it, or lower one of them."
            )
        devices = hardware["devices"]
        gpus = devices if hardware["accelerator"] == "gpu" else 0
        return cls(hardware["nodes"], devices, cpus_per_task or cores, gpus, threads)
