"""A trained model in the terms of plain transformers: what its own classes load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from docexp.inputs.batch import Batch
    from docexp.models.backbone import Encoded
    from docexp.tasks.task import Prediction


@dataclass(frozen=True)
class PlainBackbone:
    """A backbone for transformers.

    ``family`` begins the class's name, as in ``LayoutLMv3``; ``image_size`` is the side of the square image that the
    model sees, None where it sees none. ``closing`` are all edges of the box of the token that closes a window.
    ``notes`` say what was put into another form, with the same outputs.
    """

    family: str
    config: "PreTrainedConfig"
    tensors: Mapping[str, Tensor]
    image_size: int | None
    closing: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlainHead:
    """A task's head for transformers.

    ``suffix`` ends the class's name, as in ``ForTokenClassification``; ``labels`` are the names of its outputs.
    ``logits`` and ``predictions`` are docexp's own computation, for comparing; ``dropout`` comes before the head.
    """

    suffix: str
    tensors: Mapping[str, Tensor]
    labels: tuple[str, ...]
    dropout: float
    logits: Callable[["Encoded"], Tensor]
    predictions: Callable[[Tensor, "Batch"], list["Prediction"]]
