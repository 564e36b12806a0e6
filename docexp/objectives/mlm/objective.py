"""Guesses hidden tokens, on the device."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import INITIAL_STD
from docexp.objectives.objective import Judged, Objective, judged_classes, wanted

LAYER_NORM_EPS = 1e-5
"""As of ``RobertaLMHead``."""


class MaskedTokens(Objective):
    """RoBERTa's head, at hidden tokens only: dense, GELU, layer norm, and a projection onto the vocabulary.

    Its 39.2M parameters at base size are those that LayoutLMv3 §3.5 counts: the projection is not tied to the table of
    tokens. The names are those of ``RobertaLMHead`` (transformers), so that its weights fit.
    """

    def __init__(self, name: str, hidden_size: int, vocabulary: int) -> None:
        super().__init__(name, classes=vocabulary)
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.layer_norm = nn.LayerNorm(hidden_size, eps=LAYER_NORM_EPS)
        self.decoder = nn.Linear(hidden_size, vocabulary)
        for layer in (self.dense, self.decoder):
            nn.init.normal_(layer.weight, std=INITIAL_STD)
            nn.init.zeros_(layer.bias)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """Logits at hidden tokens alone: those of a whole batch of 32 at base size would take 3.3 GB."""
        assert encoded.text is not None
        target = batch.targets[self.name]
        places = wanted(target)
        row, token = places.unbind(dim=1)
        hidden = self.layer_norm(F.gelu(self.dense(encoded.text[row, token])))
        return judged_classes(self.decoder(hidden), target[row, token], row)

    def flops(self, batch: Batch) -> Tensor:
        """Of the hidden tokens."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).sum(dim=1).to(torch.float64))
