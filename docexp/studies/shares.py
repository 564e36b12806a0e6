"""What each of several jobs at once gets of this machine: its share of cores and GPUs, as environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path

THREADS, GPUS = "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(parallel: int, environment: Mapping[str, str]) -> dict[str, str]:
    """The threads of each job; a number that is set already stays."""
    return {THREADS: environment.get(THREADS) or str(max(cores() // parallel, 1))}


def gpus(slot: int, parallel: int, present: list[str]) -> dict[str, str]:
    """The GPUs of the job in a slot: equal shares, or one of them where there are more jobs than GPUs."""
    if not present:
        return {}
    share = len(present) // parallel
    own = present[slot * share : (slot + 1) * share] if share else [present[slot % len(present)]]
    return {GPUS: ",".join(own)}


def present_gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that may be used, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = environment.get(GPUS)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    found = [entry.name.removeprefix("nvidia") for entry in Path("/dev").glob("nvidia[0-9]*")]
    # the driver counts from 0 whatever the device files are called
    return [str(number) for number in range(sum(name.isdigit() for name in found))]
