"""Parameter groups and learning-rate schedules."""

from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from docexp.training.settings import OptimSettings


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: decayed, and not (biases, and everything in a normalisation layer)."""
    decayed, kept = [], []
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.requires_grad:
                without = name == "bias" or "Norm" in type(part).__name__
                (kept if without else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def schedule(optimizer: Optimizer, optim: OptimSettings, max_steps: int) -> LRScheduler:
    """Linear warm-up from 0, then the chosen decay to 0 at ``max_steps``: transformers' schedules."""
    from transformers import (
        get_constant_schedule_with_warmup,
        get_cosine_schedule_with_warmup,
        get_linear_schedule_with_warmup,
    )

    warmup = optim.warmup(max_steps)
    if optim.schedule == "constant":
        return get_constant_schedule_with_warmup(optimizer, warmup)
    decay = get_linear_schedule_with_warmup if optim.schedule == "linear" else get_cosine_schedule_with_warmup
    return decay(optimizer, warmup, max_steps)
