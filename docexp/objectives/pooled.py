"""Objectives that classify a window as a whole."""

import torch.nn.functional as F
from torch import Tensor

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.flops import dense, matrix_weights
from docexp.models.heads import linear
from docexp.objectives.objective import Judged, Objective, judged_classes, wanted


class PooledClassifier(Objective):
    """A linear classifier on the state of the token that opens the window (``[CLS]``); its target is one per row.

    The papers say no more of their classifiers than that they read this state. Cross-entropy over two classes is the
    binary cross-entropy of the difference of their logits.
    """

    def __init__(self, name: str, hidden_size: int, classes: int) -> None:
        super().__init__(name, classes)
        self.classifier = linear(hidden_size, classes)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """One class for each row that has a target."""
        assert encoded.pooled is not None
        target = batch.targets[self.name]
        row = wanted(target).squeeze(dim=1)
        return judged_classes(self.classifier(encoded.pooled[row]), target[row], row)

    def flops(self, batch: Batch) -> Tensor:
        """Of the rows that have a target."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).double())


class PooledTags(Objective):
    """A linear classifier on the same state that says of every tag whether the window has it, each for itself.

    Its targets are ``[B, tags]``: of tag ``t`` class ``2 t`` where it is not there, and ``2 t + 1`` where it is.
    """

    def __init__(self, name: str, hidden_size: int, tags: int) -> None:
        super().__init__(name, classes=2 * tags, groups=tags)
        self.classifier = linear(hidden_size, tags)

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """A binary cross-entropy, in fp32, for each tag of each row that has a target."""
        assert encoded.pooled is not None
        target = batch.targets[self.name]
        row, tag = wanted(target).unbind(dim=1)
        number = target[row, tag]
        score, there = self.classifier(encoded.pooled)[row, tag].float(), number % 2 == 1
        loss = F.binary_cross_entropy_with_logits(score, there.float(), reduction="none")
        return Judged(row, loss, number, (score > 0) == there)

    def flops(self, batch: Batch) -> Tensor:
        """Of the rows that have a target."""
        return dense(matrix_weights(self), (batch.targets[self.name] != IGNORED).any(dim=1).double())
