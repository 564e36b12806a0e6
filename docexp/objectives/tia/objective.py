"""Tells covered from visible tokens, on the device."""

import torch
from torch import Tensor

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import linear
from docexp.objectives.objective import Judged, Objective, judged_classes, wanted


class CoveredTokens(Objective):
    """A linear classifier on the states of text tokens; LayoutLMv2 (§2.3) says no more of it than that."""

    def __init__(self, name: str, hidden_size: int) -> None:
        super().__init__(name, classes=2)
        self.classifier = linear(hidden_size, 2)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """One class for each token that has a target."""
        assert encoded.text is not None
        target = batch.targets[self.name]
        row, token = wanted(target).unbind(dim=1)
        return judged_classes(self.classifier(encoded.text[row, token]), target[row, token], row)

    def flops(self, batch: Batch) -> Tensor:
        """Of the tokens that have a target."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).sum(dim=1).to(torch.float64))
