"""One sample on its way from a page to a batch: its windows, as NumPy arrays. Imports no torch."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IGNORED = -100
"""The target value that losses skip (torch's ``ignore_index`` default)."""


@dataclass
class Window:
    """One row to be: a stretch of a sample's tokens. ``T`` tokens with special tokens, no padding.

    ``word_index`` and ``line_index`` are indices into the page's words and lines, -1 at special tokens.
    ``starts_word`` marks the first sub-word of a word. ``targets`` are added by the task or the objectives, per token;
    ``window_targets`` are those per patch, or for the window as a whole.
    """

    input_ids: NDArray[np.int64]  # [T]
    bbox: NDArray[np.int64]  # [T, 4], 0..1000, at the configured box level
    word_bbox: NDArray[np.int64]  # [T, 4], 0..1000, always the word's own box
    word_index: NDArray[np.int64]  # [T]
    line_index: NDArray[np.int64]  # [T]
    starts_word: NDArray[np.bool_]  # [T]
    pixels: NDArray[np.uint8] | None = None  # [3, H, W]
    patch_mask: NDArray[np.bool_] | None = None  # [P], row by row; True where the model does not see the patch
    code_pixels: NDArray[np.uint8] | None = None  # [3, h, w], what an image tokenizer makes codes of on the device
    targets: dict[str, NDArray[Any]] = field(default_factory=dict)  # [T] or [T, …] each
    window_targets: dict[str, NDArray[Any]] = field(default_factory=dict)  # any shape, the same in every window


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
