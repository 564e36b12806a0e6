"""What every model family gives to heads, objectives and tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor, nn

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.flops import Work, dense, matrix_weights
from docexp.models.plain import PlainBackbone


@dataclass
class Encoded:
    """A backbone's output. ``B`` rows, ``T`` text tokens, ``P`` patches, ``D`` hidden; ``None`` = not provided."""

    text: Tensor | None = None  # [B, T, D]
    patches: Tensor | None = None  # [B, P, D]
    pooled: Tensor | None = None  # [B, D]
    pyramid: tuple[Tensor, ...] | None = None  # maps [B, D, h, w], the finest first
    reconstruction: Tensor | None = None  # [B, 3, H, W], the image made again, -1..1
    code_logits: Tensor | None = None  # [B, K, h, w] float32, of an image tokenizer's K codes


class Backbone(nn.Module, ABC):
    """A model family behind one call. ``provides`` names the fields of ``Encoded`` that it fills."""

    provides: frozenset[str]
    hidden_size: int
    prefix: ClassVar[str] = ""
    """What the state dict's names begin with. Checkpoints of the bare model leave it out, those with heads do not."""
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What a setting of the family leaves unbuilt: the setting, and the beginnings of the names, without prefix."""
    text_side: ClassVar[tuple[str, ...]] = ()
    """The beginnings, without prefix, of what a text model's weights can give: it may learn at a rate of its own."""

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch; ``batch.patch_token`` is given only to families that provide ``patch_token``."""

    def begin_step(self, step: int) -> None:
        """Told before each training step, counted from 0, how far training is; here nothing comes of it."""

    def adapted(self, name: str, tensor: Tensor) -> Tensor:
        """A checkpoint's tensor as this model takes it: a family may resize what depends on the size of its inputs.

        Args:
            name: as in the state dict, with or without a prefix.
            tensor: the checkpoint's.
        """
        del name
        return tensor

    def in_own_terms(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A checkpoint's tensors, names without prefix, as this model divides them: here as they are."""
        return tensors

    def plain(self) -> PlainBackbone:
        """The same model for transformers' own classes.

        Raises:
            DocexpError: transformers cannot express it; says why.
        """
        raise DocexpError(f"transformers has no class for {type(self).__name__}, so there is nothing to export it as")

    def without_shared(self, batch: Batch) -> str:
        """Puts its result on ``batch`` in the place of what ``build_stock``'s model computes by the very same code.

        ``docexp bench step`` then measures the rest alone, on this batch alone.

        Returns:
            What was replaced, for a person; "" for nothing.
        """
        del batch
        return ""

    @abstractmethod
    def checkpoint_activations(self) -> None:
        """Keeps less for the backward pass and computes it again: less memory, the same numbers."""

    def work(self, batch: Batch) -> Work:
        """What a forward pass of a micro-batch has to do, for rates and utilisation; needs no result of it.

        This estimate takes every text token through every matrix and leaves out the products of attention (Kaplan et
        al. 2020, arXiv 2001.08361, §2.1). A family that knows better says so.
        """
        tokens = batch.mask.sum(dim=1).double()
        return Work(tokens, dense(self._matrix_weights, tokens))

    @cached_property
    def _matrix_weights(self) -> int:
        return matrix_weights(self)
