"""Losses as sums over the targets of the whole global step, however it is cut into ranks and micro-batches.

A mean of micro-batch means weighs a token by how many neighbours its micro-batch happens to have, so that results
change with the hardware. Here every target of a step weighs the same: Σ loss / Σ count over all ranks and
micro-batches, each target name with its own count.
"""

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor


def global_counts(step_counts: Mapping[str, float], device: torch.device) -> dict[str, Tensor]:
    """The counts of this rank's share of a step summed over ranks, in one all-reduce; scalars by target name."""
    names = sorted(step_counts)
    counts = torch.tensor([step_counts[name] for name in names], dtype=torch.float32, device=device)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(counts)
    return dict(zip(names, counts, strict=True))


def scaled(
    sums: Mapping[str, Tensor], counts: Mapping[str, Tensor], weights: Mapping[str, float] | None = None
) -> Tensor:
    """Σ weight · sum / count over target names, scalar; one without any count in the step gives 0, never NaN.

    Weights are 1 where none is named.
    """
    weight = weights or {}
    return torch.stack([weight.get(n, 1.0) * value / counts[n].clamp(min=1.0) for n, value in sums.items()]).sum()
