"""What passes from the data side to the models: windows (NumPy, made in workers) and batches (torch)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IGNORED = -100
"""The target value that losses skip (torch's ``ignore_index`` default)."""


@dataclass
class Window:
    """One row to be: a stretch of a sample's tokens. ``T`` tokens with special tokens, no padding.

    ``word_index`` and ``line_index`` are indices into the page's words and lines, -1 at special tokens.
    ``starts_word`` marks the first sub-word of a word. ``targets`` are added by the task or the objectives.
    """

    input_ids: NDArray[np.int64]  # [T]
    bbox: NDArray[np.int64]  # [T, 4], 0..1000, at the configured box level
    word_bbox: NDArray[np.int64]  # [T, 4], 0..1000, always the word's own box
    word_index: NDArray[np.int64]  # [T]
    line_index: NDArray[np.int64]  # [T]
    starts_word: NDArray[np.bool_]  # [T]
    pixels: NDArray[np.uint8] | None = None  # [3, H, W]
    targets: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass
class Sample:
    """All windows of one sample (a page, a question) that go into a batch, in order.

    ``filler`` marks the repeat of another sample that only fills a slot: it counts nowhere.
    ``reference`` is what an evaluation compares with (plain Python values, not sent to the device).
    """

    key: str
    windows: list[Window]
    filler: bool = False
    reference: Any = None


@dataclass
class Batch:
    """A micro-batch on one device. ``B`` rows, ``T`` text tokens, ``S`` samples.

    A row is a window; which sample a position belongs to is in ``owner``, so nothing outside the backbones may take
    a row for a page. ``step_counts`` holds, for each name of a target, how many targets this rank's whole global
    step has (all its micro-batches); ``micro_batch`` is this one's number in the step.
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
