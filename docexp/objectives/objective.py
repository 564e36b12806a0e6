"""The two halves of a pretraining objective: what is corrupted (in data workers), and the loss (on the device)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.models.backbone import Encoded


@dataclass
class Record:
    """What the objectives of a set did to a window; they share it. ``T`` tokens, ``P`` patches.

    ``image`` is the visit whose page's image the model is shown: the sample's own, another document's, or None when it
    was dropped. ``patches_masked`` is None until an objective hides patches.
    """

    text_masked: NDArray[np.bool_]  # [T]
    covered: NDArray[np.bool_]  # [T] tokens on lines whose image is covered
    patches_masked: NDArray[np.bool_] | None  # [P], row by row
    image: Visit | None

    @classmethod
    def of(cls, window: Window, visit: Visit) -> Self:
        """Nothing done yet."""
        tokens = len(window.input_ids)
        return cls(np.zeros(tokens, bool), np.zeros(tokens, bool), None, visit)


ENTRIES = frozenset({"text_masked", "covered", "patches_masked", "image"})
"""The names of a record's entries, as objectives declare that they read or write them."""


class Corruptor(ABC):
    """The half that data workers run; picklable."""

    @abstractmethod
    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """Changes the window in place, adds its targets, and writes what it did into the record.

        Arrays of a window may be shared with others: replace them, never write into them.

        Args:
            window: one window of the sample.
            record: what the objectives before did.
            visit: the sample's page and neighbours.
            rng: this objective's own generator for this sample.
        """


@dataclass
class Judged:
    """The ``N`` targets of a micro-batch: the row each is of, and its loss.

    A target that is a class has ``target``, and ``hit`` says whether the model holds that class for the likeliest. For
    others ``constant`` is the loss of the best guess that does not look at the page. ``chosen`` are the ``M`` kinds
    that the model itself chose for a target, such as codes, where it is to be known how many kinds it makes use of.
    """

    row: Tensor  # [N] int64
    loss: Tensor  # [N] float32
    target: Tensor | None = None  # [N] int64
    hit: Tensor | None = None  # [N] bool
    constant: Tensor | None = None  # [N] float32
    chosen: Tensor | None = None  # [N, M] int64


class Objective(nn.Module, ABC):
    """The half on the device. Subclasses own the head's parameters.

    Args:
        name: of its target in the batch.
        classes: of its targets; 0 where they are none.
        kinds: that the model chooses among (``Judged.chosen``); 0 where it chooses nothing.
        groups: into which the classes fall, in order and of equal size. A target's group is no part of the question:
            who guesses without looking at the page knows it, and how often each class comes in it.
    """

    class_names: ClassVar[tuple[str, ...]] = ()
    """The classes, where they are few enough to be named: the share that each but the last has of the targets is logged
    as ``<objective>/<class>``."""

    def __init__(self, name: str, classes: int, kinds: int = 0, groups: int = 1) -> None:
        super().__init__()
        self.name, self.classes, self.kinds, self.groups = name, classes, kinds, groups

    @abstractmethod
    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        """The loss of every target, in any order; the same number of them as the batch has that are not IGNORED."""

    def patch_token(self) -> Tensor | None:
        """What stands for hidden patches, ``[D]``; None from an objective that hides none."""
        return None

    def pictures(self, encoded: Encoded, batch: Batch) -> dict[str, bytes]:
        """What an evaluation shows of its first batch: PNG files by name; here none."""
        del encoded, batch
        return {}

    def flops(self, batch: Batch) -> Tensor:
        """Forward FLOPs of the head for each row, ``[B]``; here 0."""
        return torch.zeros(batch.rows, dtype=torch.float64, device=batch.owner.device)


def wanted(target: Tensor) -> Tensor:
    """Where a target is to be predicted, as indices ``[N, dims]`` into ``target``."""
    return (target != IGNORED).nonzero()


def judged_classes(logits: Tensor, target: Tensor, row: Tensor) -> Judged:
    """Cross-entropy, in fp32, of logits ``[N, C]`` against classes ``[N]`` of rows ``[N]``."""
    scores = logits.float()
    loss = F.cross_entropy(scores, target, reduction="none")
    return Judged(row, loss, target, scores.argmax(dim=-1) == target)
