"""The self-attention of LayoutLMv3 in two computations with the same parameters."""

import math
from typing import Any

import torch
from torch import Tensor
from transformers import LayoutLMv3Config
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3SelfAttention

from docexp.models.attention import biased_attention


class FastSelfAttention(LayoutLMv3SelfAttention):
    """The stock attention's values without its ``[B, H, L, L]`` intermediates; it takes one bias for everything.

    The CogView form of the softmax, which the stock class computes, is the softmax itself (its maximum is subtracted
    twice), so nothing of it is left.
    """

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, hidden_states: Tensor, attention_mask: None = None, rel_pos: Tensor | None = None, **kwargs: Any
    ) -> tuple[Tensor, None]:
        """``[B, L, D] → [B, L, D]``; ``rel_pos`` is what ``RelativeEncoder`` makes, padding and scale included."""
        del attention_mask, kwargs
        heads = (-1, self.num_attention_heads, self.attention_head_size)
        layers = (self.query, self.key, self.value)
        query, key, value = (layer(hidden_states).unflatten(-1, heads[1:]).transpose(1, 2) for layer in layers)
        context = biased_attention(query, key, value, rel_pos, self.dropout.p if self.training else 0.0)
        return context.transpose(1, 2).flatten(2), None


class EagerSelfAttention(LayoutLMv3SelfAttention):
    """The stock attention, operation by operation, with two things that it lacks.

    It adds the biases across and down the page also where there are none in reading order (transformers and the
    authors' code then leave them out), and its softmax can be had in three forms.

    Args:
        config: the stock configuration.
        softmax: ``cogview`` as published, ``maximum``, or ``plain``; see ``scaled_softmax``.
    """

    def __init__(self, config: LayoutLMv3Config, softmax: str) -> None:
        super().__init__(config)
        self._softmax = softmax

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        rel_pos: Tensor | None = None,
        rel_2d_pos: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """``[B, L, D] → [B, L, D]`` and the attention weights ``[B, H, L, L]``."""
        del kwargs
        width = (self.num_attention_heads, self.attention_head_size)
        layers = (self.query, self.key, self.value)
        query, key, value = (layer(hidden_states).unflatten(-1, width).transpose(1, 2) for layer in layers)
        root = math.sqrt(self.attention_head_size)
        scores = torch.matmul(query / root, key.transpose(-1, -2))
        biases = [bias for bias in (rel_pos, rel_2d_pos) if bias is not None]
        if biases:
            scores += (biases[0] if len(biases) == 1 else biases[0] + biases[1]) / root
        if attention_mask is not None:
            scores = scores + attention_mask
        weights = self.dropout(scaled_softmax(scores, self._softmax))
        return torch.matmul(weights, value).transpose(1, 2).flatten(2), weights


ALPHA = 32
"""How far CogView scales scores down before their maximum is taken (Ding et al. 2021, arXiv 2105.13290, §2.4)."""


def scaled_softmax(scores: Tensor, form: str) -> Tensor:
    """The softmax over the last dimension, by one of three routes to the same value.

    They round differently, and differ in earnest where scores leave the range or the precision of their type.

    Args:
        scores: ``[…, L]``.
        form: ``plain``: torch's softmax of the scores; ``maximum``: of the scores minus their maximum; ``cogview``: of
            the scores over ``ALPHA``, minus their maximum, times ``ALPHA``, as published and in transformers.
    """
    if form == "plain":
        return torch.softmax(scores, dim=-1)
    if form == "maximum":
        return torch.softmax(scores - scores.amax(dim=-1, keepdim=True), dim=-1)
    scaled = scores / ALPHA
    return torch.softmax((scaled - scaled.amax(dim=-1, keepdim=True)) * ALPHA, dim=-1)
