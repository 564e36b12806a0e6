"""The ranks meet before anything is built: they are about to train the same run, or they stop."""

import atexit
import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist

from docexp.errors import DocexpError
from docexp.runs.identity import significant
from docexp.runs.resolve import ResolvedRun
from docexp.training import ranks
from docexp.training.strategies.settings import BACKENDS


def meet(run: ResolvedRun, done: bool) -> bool:
    """Connects all ranks, compares what they are to train, and waits until rank 0 has the run's folder to itself.

    Args:
        run: as this rank has resolved it.
        done: whether there is nothing to do; rank 0's counts.

    Returns:
        Rank 0's ``done``.

    Raises:
        DocexpError: a rank resolved another run, with the first thing that differs.
    """
    ranks.join()
    accelerator = run.settings.hardware.accelerator
    if accelerator == "gpu":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        atexit.register(_part)
    dist.init_process_group(BACKENDS[accelerator])
    everyone: list[Any] = [None] * dist.get_world_size()
    counts = significant(run.settings.plain, run.extras)
    dist.all_gather_object(everyone, (platform.node(), run.identity, counts, done))
    _, identity, settings, done = everyone[0]
    for number, (host, other, its_settings, _) in enumerate(everyone):
        if other != identity:
            differs = [f"{key} is {its}, not {first}" for key, its, first in _differences(its_settings, settings)]
            differs.append("docexp is of another version")
            raise DocexpError(
                f"rank {number} on {host} would train run {other}, rank 0 run {identity}: {differs[0]}. "
                "All nodes must see the same files and the same docexp."
            )
    return done


def _part() -> None:
    """nccl warns of a group that was not taken apart."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The keys in which two nested mappings differ, with both values."""
    for key in [*one, *(key for key in other if key not in one)]:
        mine, its = one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(its, Mapping):
            yield from _differences(mine, its, f"{prefix}{key}.")
        elif mine != its:
            yield f"{prefix}{key}", mine, its
