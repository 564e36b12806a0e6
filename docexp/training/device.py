"""What the device under a run can do and has used: the rate of a large matrix product, and memory."""

import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

SMALLEST = 256
LARGEST = {"cpu": 1024, "cuda": 8192}
"""Sides of the matrices that are tried, each twice the one before."""
BUDGET = 0.15
"""Seconds that are spent on it."""


def matmul_rate(device: torch.device, precision: str) -> float:
    """The most FLOP/s that a square matrix product reached here just now, the largest that the time allows.

    Draws no random number.

    Args:
        device: where.
        precision: Lightning's name; its products run in bfloat16 where that begins with ``bf16``, else in float32.
    """
    dtype = torch.bfloat16 if precision.startswith("bf16") else torch.float32
    side, best = SMALLEST, 0.0
    _product_seconds(side, device, dtype)  # the first product sets up libraries
    end = time.monotonic() + BUDGET
    while time.monotonic() < end:
        seconds = _product_seconds(side, device, dtype)
        best = max(best, 2 * side**3 / seconds)
        larger = min(2 * side, LARGEST["cuda" if device.type == "cuda" else "cpu"])
        if time.monotonic() + 1.5 * seconds * (larger / side) ** 3 < end:
            side = larger
    return best


def peak_memory(device: torch.device) -> int:
    """Bytes this process has held at most: on the device under CUDA, else in main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):  # no Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@torch.no_grad()
def _product_seconds(side: int, device: torch.device, dtype: torch.dtype) -> float:
    # not constant, since a GPU's clock depends on how many bits change, and not random, since runs must draw the same
    values = torch.linspace(-1, 1, side * side, device=device).view(side, side).to(dtype)
    _wait(device)
    began = time.monotonic()
    F.linear(values, values)
    _wait(device)
    return max(time.monotonic() - began, 1e-9)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
