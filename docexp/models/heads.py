"""Heads with the parameter names of the published LayoutLMv3 models, so that an exported model opens in transformers.

Source: ``LayoutLMv3ClassificationHead`` and ``LayoutLMv3ForTokenClassification`` (transformers, after microsoft/unilm
layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py).
"""

import torch
from torch import Tensor, nn

MLP_FROM_LABELS = 10
"""Token classification with at least this many labels uses the two-layer head, with fewer a linear layer."""

INITIAL_STD = 0.02
"""Standard deviation of fresh weights (``initializer_range`` of the published models)."""


class ClassificationHead(nn.Module):
    """Dropout, dense, tanh, dropout, projection: ``[..., D] → [..., labels]``."""

    def __init__(self, hidden_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = nn.Linear(hidden_size, labels)
        self.apply(_draw)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of hidden vectors."""
        hidden = torch.tanh(self.dense(self.dropout(hidden)))
        return self.out_proj(self.dropout(hidden))


class TokenClassifier(nn.Module):
    """Dropout and a classifier of every token, ``[B, T, D] → [B, T, labels]``.

    The state dict's names are those of ``LayoutLMv3ForTokenClassification``: ``classifier.weight``, or
    ``classifier.dense.weight`` and ``classifier.out_proj.weight``.
    """

    def __init__(self, hidden_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        if labels < MLP_FROM_LABELS:
            self.classifier = linear(hidden_size, labels)
        else:
            self.classifier = ClassificationHead(hidden_size, labels, dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of hidden vectors."""
        return self.classifier(self.dropout(hidden))


def linear(hidden_size: int, outputs: int) -> nn.Linear:
    """A linear layer drawn as the published models' heads are: weights with ``INITIAL_STD``, no bias at first."""
    layer = nn.Linear(hidden_size, outputs)
    _draw(layer)
    return layer


def _draw(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=INITIAL_STD)
        nn.init.zeros_(module.bias)
