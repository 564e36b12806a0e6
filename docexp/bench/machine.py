"""What a measurement was made on."""

import os
import platform
from typing import Any

import torch

from docexp import __version__
from docexp.runs.environment import cpu_name, package_versions

TELLING = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "amx_fp16")
"""What a processor has for matrix products: it decides most of what ``bf16-mixed`` gains on a CPU."""


def machine(device: torch.device) -> dict[str, Any]:
    """Processor, cores, device and versions; nothing that names a host or a person."""
    versions = package_versions()
    capable = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "capabilities": [name for name in TELLING if capable.get(name)],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "system": platform.system(),
        "python": platform.python_version(),
        "docexp": __version__,
        **{name: versions[name] for name in ("torch", "transformers") if name in versions},
    }
