"""The two halves of a fine-tuning task: targets (in data workers) and head, loss and scores (on the device)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.models.backbone import Backbone, Encoded
from docexp.models.plain import PlainHead


class Targets(ABC):
    """The half that data workers run; picklable."""

    @abstractmethod
    def annotate(self, page: Page, windows: Sequence[Window]) -> Any:
        """Adds targets to every window, in place, and returns what an evaluation of the page compares with.

        Raises:
            DocexpError: the page lacks an annotation or has a label that is not in the task's set.
        """

    def corrupt(self, windows: Sequence[Window], visit: Visit) -> None:  # noqa: B027 - most tasks take pages as they are
        """Changes the windows that go into a batch, in place, and adds targets that come of it; here nothing.

        Args:
            windows: of one sample: all of them, or in training the drawn one.
            visit: the sample's page, generators, and partners of other documents.
        """


@dataclass(frozen=True)
class Prediction:
    """One sample's answer beside the truth, merged over its windows; plain json values."""

    key: str
    predicted: Any
    reference: Any


@dataclass(frozen=True)
class Losses:
    """What a micro-batch's targets cost, by the targets' name; scalars, summed and not averaged.

    ``weights`` say how much a loss counts, 1 where none is named. ``hits`` are the targets that were predicted rightly,
    where that is known, and ``classes`` those of a class, by ``<target>/<class>``: their shares are logged beside the
    loss.
    """

    sums: dict[str, Tensor]
    weights: Mapping[str, float] = field(default_factory=dict)
    hits: dict[str, Tensor] = field(default_factory=dict)
    classes: dict[str, Tensor] = field(default_factory=dict)


class Task(nn.Module, ABC):
    """The half on the device. Subclasses own the head's parameters."""

    def encode(self, backbone: Backbone, batch: Batch) -> Encoded:
        """The backbone's output for a micro-batch; a task with a say in the inputs has it here."""
        return backbone(batch)

    @abstractmethod
    def losses(self, encoded: Encoded, batch: Batch) -> Losses:
        """The losses of the micro-batch's targets."""

    def flops(self, batch: Batch) -> Tensor:
        """Forward FLOPs of the head (see ``models.flops``) for each of the micro-batch's rows, ``[B]``; here 0."""
        return torch.zeros(batch.rows, dtype=torch.float64, device=batch.owner.device)

    @abstractmethod
    def decode(self, encoded: Encoded, batch: Batch) -> list[Prediction]:
        """One prediction for each sample of the batch that is no filler."""

    def pictures(self, encoded: Encoded, batch: Batch) -> dict[str, bytes]:
        """What an evaluation shows of its first batch beside the scores: PNG files by name; here none."""
        del encoded, batch
        return {}

    def plain_head(self) -> PlainHead:
        """The head for transformers' own classes.

        Raises:
            DocexpError: transformers has no such head.
        """
        raise DocexpError(f"transformers has no head for {type(self).__name__}, so there is nothing to export it as")

    @abstractmethod
    def metric(self, sync_on_compute: bool = True) -> Metric:
        """A fresh metric; its ``compute`` gives a flat dict of floats, over all ranks unless told otherwise."""

    @abstractmethod
    def update(self, metric: Metric, predictions: Sequence[Prediction]) -> None:
        """Counts predictions into a metric made by ``metric``."""

    def scores(self, predictions: Sequence[Prediction]) -> dict[str, float]:
        """The metric of just these predictions, whatever other ranks hold."""
        metric = self.metric(sync_on_compute=False)
        self.update(metric, predictions)
        return metric.compute()

    @abstractmethod
    def sample_scores(self, prediction: Prediction) -> dict[str, float]:
        """Scores of one sample, for comparing two runs sample by sample."""

    @abstractmethod
    def baseline(self, predictions: Sequence[Prediction]) -> dict[str, float]:
        """What a constant guess scores on the same references: the same keys as the metrics."""

    def remarks(self, metrics: Mapping[str, float]) -> list[str]:
        """What a person should know about how such scores came about, a sentence each; here nothing."""
        del metrics
        return []

    @abstractmethod
    def describe(self, metrics: Mapping[str, float], baseline: Mapping[str, float]) -> str:
        """The scores in one line for a person."""
