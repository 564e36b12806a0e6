"""Whether training still computes with finite numbers, on all ranks."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


class RunDiverged(Exception):
    """A loss, a validation's score or a weight is not finite; the argument is the step."""


def finite_everywhere(tensors: Iterable[Tensor], device: torch.device) -> bool:
    """Whether all of these tensors are finite on every rank; called by all ranks. Waits for the device."""
    fault = torch.tensor(float(not all(bool(tensor.isfinite().all()) for tensor in tensors)), device=device)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(fault)
    return not fault.item()
