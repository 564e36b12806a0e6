"""Parameter groups and learning-rate schedules."""

from collections.abc import Collection
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from docexp.errors import DocexpError
from docexp.models.backbone import Backbone
from docexp.training.settings import OptimSettings


def parameter_groups(
    module: nn.Module, weight_decay: float, text: Collection[nn.Parameter] = (), text_lr: float | None = None
) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: decayed, and not (biases, and everything in a normalisation layer).

    With ``text_lr``, the parameters of ``text`` make two groups of their own, behind these, at that rate.
    """
    slower = {id(parameter) for parameter in text} if text_lr is not None else set()
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.requires_grad:
                without = name == "bias" or "Norm" in type(part).__name__
                groups.setdefault((id(parameter) in slower, without), []).append(parameter)
    return [
        {"params": groups[key], "weight_decay": 0.0 if key[1] else weight_decay} | ({"lr": text_lr} if key[0] else {})
        for key in sorted(groups)
    ]


def text_parameters(backbone: Backbone) -> list[nn.Parameter]:
    """The parameters that the backbone declares its text side.

    Raises:
        DocexpError: it declares none.
    """
    named = backbone.named_parameters()
    found = [weight for name, weight in named if name.removeprefix(backbone.prefix).startswith(backbone.text_side)]
    if not found or not backbone.text_side:
        raise DocexpError(
            f"optim.text_lr_factor has no effect: {type(backbone).__name__} has no text side. Leave it at 1."
        )
    return found


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
