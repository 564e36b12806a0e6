"""The feed-forward part of a transformer's layer, without keeping the activation's output for the backward pass.

That output is the widest tensor of a layer and the cheapest to compute again: once attention keeps no scores, it is a
quarter of all that a layer keeps.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Activation = Callable[[Tensor], Tensor]


class LinearOfActivation(nn.Linear):
    """``linear(activation(x))`` of which only ``x`` is kept; the backward pass computes the activation again.

    The product is not computed again: torch ends the second forward pass as soon as it has what the backward pass
    reads, which is the product's input. Values and gradients are bit-equal to those of the two modules.

    Args:
        linear: its weights are taken over, not copied.
        activation: element by element, and without random numbers.
    """

    def __init__(self, linear: nn.Linear, activation: Activation) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")  # draws nothing
        self.weight, self.bias = linear.weight, linear.bias
        self._activation = activation

    def forward(self, input: Tensor) -> Tensor:
        """``[…, in_features] → […, out_features]``."""
        if not torch.is_grad_enabled():
            return self._both(input)
        return cast(Tensor, checkpoint(self._both, input, use_reentrant=False, preserve_rng_state=False))

    def _both(self, hidden: Tensor) -> Tensor:
        return super().forward(self._activation(hidden))


def recompute_activations(layers: Iterable[Any]) -> None:
    """Moves the activation of BERT-like layers of transformers into the product that reads it.

    Args:
        layers: each with ``intermediate``, whose activation is moved, and ``output.dense``, which is replaced.
    """
    for layer in layers:
        layer.output.dense = LinearOfActivation(layer.output.dense, layer.intermediate.intermediate_act_fn)
        layer.intermediate.intermediate_act_fn = nn.Identity()
