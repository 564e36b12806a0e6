"""How fast a run goes: samples, tokens and model FLOPs per second, counted on the device, read when a line is due."""

import time

import torch
import torch.distributed as dist
from torch import Tensor

from docexp.inputs.batch import Batch
from docexp.models.flops import STEP
from docexp.training.device import matmul_rate, peak_memory
from docexp.training.module import RunModule


class Throughput:
    """Counts this process's work between two lines; every process makes the same calls, as ``line`` sums over them.

    Args:
        global_batch: samples per optimiser step.
    """

    def __init__(self, global_batch: int) -> None:
        self._global_batch = global_batch
        self._since, self._steps = time.monotonic(), 0
        self._work: Tensor | None = None  # [2] float64: tokens, forward FLOPs
        self._reachable = self._unsaid = 0.0

    def start(self, device: torch.device, precision: str) -> None:
        """Measures what the devices of all processes can do, and starts the clock."""
        rate = torch.tensor(matmul_rate(device, precision), dtype=torch.float64, device=device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)  # the measurement's own
        self._reachable = self._unsaid = float(_summed(rate))
        self.restart()

    def restart(self) -> None:
        """Counts from here on: after a line, and after a validation."""
        self._since, self._steps, self._work = time.monotonic(), 0, None

    def add(self, module: RunModule, batch: Batch) -> None:
        """A micro-batch. Waits for nothing."""
        work, head = module.backbone.work(batch), module.task.flops(batch)
        rows = torch.stack([work.positions, work.flops + head])  # [2, B]
        if any(batch.filler):  # repeats of a sample that only fill a place
            rows = rows * ~torch.tensor(batch.filler, device=rows.device)[batch.owner[:, 0]]
        done = rows.sum(dim=1)
        self._work = done if self._work is None else self._work + done

    def step(self) -> None:
        """An optimiser step is complete."""
        self._steps += 1

    def line(self, device: torch.device) -> dict[str, float]:
        """The rates since the last line, under the names that ``metrics_log.TIMES`` explains; counts anew."""
        assert self._work is not None
        tokens, forward = _summed(self._work).tolist()  # waits for the device, as reading the loss has before
        seconds = max(time.monotonic() - self._since, 1e-9)
        flops = STEP * forward / seconds
        line = {
            "samples_per_second": self._steps * self._global_batch / seconds,
            "tokens_per_second": tokens / seconds,
            "model_flops_per_second": flops,
            "matmul_utilisation": flops / self._reachable,
            "memory_bytes": float(peak_memory(device)),
        }
        if self._unsaid:
            line["matmul_flops_per_second"], self._unsaid = self._unsaid, 0.0
        self.restart()
        return line


def _summed(value: Tensor) -> Tensor:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
