"""Guesses whether words' places are hidden, on the device."""

from typing import ClassVar

import torch
from torch import Tensor

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import ClassificationHead
from docexp.objectives.objective import Judged, Objective, judged_classes, wanted
from docexp.objectives.wpa import CLASSES


class Alignment(Objective):
    """A head of two layers on labelled tokens: 0.6M parameters at base size, as LayoutLMv3 §3.5 counts.

    The binary cross-entropy of the paper is that of two classes. Between the layers stands tanh, as in the published
    classification heads; the paper names no function.
    """

    class_names: ClassVar[tuple[str, ...]] = CLASSES

    def __init__(self, name: str, hidden_size: int) -> None:
        super().__init__(name, classes=len(self.class_names))
        self.head = ClassificationHead(hidden_size, labels=self.classes, dropout=0.0)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """Of labelled tokens alone."""
        assert encoded.text is not None
        target = batch.targets[self.name]
        row, token = wanted(target).unbind(dim=1)
        return judged_classes(self.head(encoded.text[row, token]), target[row, token], row)

    def flops(self, batch: Batch) -> Tensor:
        """Of the labelled tokens."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).sum(dim=1).to(torch.float64))
