"""How much memory a computation keeps for its backward pass, and how much it holds at its peak."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from docexp.training.allocator import trim

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK_ONLY = "5"
"""Written to ``clear_refs``, it sets the peak resident size back to the current one (``proc_pid_clear_refs(5)``)."""


def kept_for_backward(work: Callable[[], object], parameters: Iterable[Tensor]) -> int:
    """Bytes of all tensors that ``work`` saves for the backward pass, each storage once, parameters apart."""
    own = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    kept: dict[int, int] = {}
    held: list[object] = []

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # the tensor itself would hold the graph that holds it, for ever

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held.append(work())  # alive until the count is done, so that no address is used twice
    return sum(kept.values())


def peak(work: Callable[[], object], device: torch.device) -> int | None:
    """Bytes that are held at most while ``work`` runs, beyond what is held before; None where nobody can tell."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    if not trim():
        return None
    try:
        RESET.write_text(PEAK_ONLY)
    except OSError:
        return None
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(name: str) -> int:
    """Bytes that the kernel counts under ``VmRSS`` (held now) or ``VmHWM`` (at most so far)."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(), flags=re.MULTILINE)
    assert found is not None
    return 1024 * int(found.group(1))
