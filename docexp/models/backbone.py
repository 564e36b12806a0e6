"""What every model family gives to heads, objectives and tasks."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from docexp.inputs.batch import Batch


@dataclass
class Encoded:
    """A backbone's output. ``B`` rows, ``T`` text tokens, ``P`` patches, ``D`` hidden; ``None`` = not provided."""

    text: Tensor | None = None  # [B, T, D]
    patches: Tensor | None = None  # [B, P, D]
    pooled: Tensor | None = None  # [B, D]


class Backbone(nn.Module, ABC):
    """A model family behind one call. ``provides`` names the fields of ``Encoded`` that it fills."""

    provides: frozenset[str]
    hidden_size: int

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch."""

    def adapted(self, name: str, tensor: Tensor) -> Tensor:
        """A checkpoint's tensor as this model takes it: a family may resize what depends on the size of its inputs.

        Args:
            name: as in the state dict, with or without a prefix.
            tensor: the checkpoint's.
        """
        del name
        return tensor

    @abstractmethod
    def checkpoint_activations(self) -> None:
        """Keeps less for the backward pass and computes it again: less memory, the same numbers."""
