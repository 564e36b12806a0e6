"""What passes from the data side to the models: a micro-batch of windows, as tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import torch
from torch import Tensor

from docexp.inputs.skipping import SkippedPage


@dataclass
class Batch:
    """A micro-batch on one device. ``B`` rows, ``T`` text tokens, ``S`` samples.

    A row is a window; which sample a position belongs to is in ``owner``, so nothing outside the backbones may take
    a row for a page. ``step_counts`` holds, for each name of a target, how many targets this rank's whole global
    step has (all its micro-batches); ``micro_batch`` is this one's number in the step. ``skipped`` are the pages that
    the rank's whole step did without, told by its first micro-batch.
    """

    input_ids: Tensor  # [B, T] int64
    bbox: Tensor  # [B, T, 4] int64, 0..1000
    word_bbox: Tensor  # [B, T, 4] int64
    word_index: Tensor  # [B, T] int64, -1 at special tokens and padding
    line_index: Tensor  # [B, T] int64
    starts_word: Tensor  # [B, T] bool
    owner: Tensor  # [B, T] int64 index into keys, -1 at padding
    pixels: Tensor | None  # [B, 3, H, W] uint8
    targets: dict[str, Tensor]
    keys: list[str]
    filler: list[bool]
    references: list[Any]
    step_counts: Mapping[str, float] = field(default_factory=dict)
    micro_batch: int = 0
    skipped: list[SkippedPage] = field(default_factory=list)
    patch_mask: Tensor | None = None  # [B, P] bool, row by row: True where a patch is hidden from the model

    @property
    def mask(self) -> Tensor:
        """``[B, T]`` bool: True where there is a token, False at padding."""
        return self.owner >= 0

    @property
    def rows(self) -> int:
        """``B``."""
        return self.input_ids.shape[0]

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The batch with every tensor on ``device``."""

        def move(value: Any) -> Any:
            if isinstance(value, Tensor):
                return value.to(device, non_blocking=non_blocking)
            if isinstance(value, dict):
                return {key: move(item) for key, item in value.items()}
            return value

        return type(self)(**{f.name: move(getattr(self, f.name)) for f in fields(self)})

    def pin_memory(self) -> Self:
        """The batch with every tensor in page-locked memory (called by torch's DataLoader)."""

        def pin(value: Any) -> Any:
            if isinstance(value, Tensor):
                return value.pin_memory()
            if isinstance(value, dict):
                return {key: pin(item) for key, item in value.items()}
            return value

        return type(self)(**{f.name: pin(getattr(self, f.name)) for f in fields(self)})
