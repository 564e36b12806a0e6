"""The same pages through docexp and through an exported folder in plain transformers: do both say the same?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from docexp.documents.box_levels import level_boxes
from docexp.documents.geometry import normalise
from docexp.documents.images import decode
from docexp.documents.page import BoxLevel, Page
from docexp.errors import DocexpError
from docexp.inputs.collate import collate
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import Window
from docexp.inputs.tokenizer import Tokenizer
from docexp.models.backbone import Backbone
from docexp.models.plain import PlainHead
from docexp.tasks.task import Prediction

TOLERANCE = 1e-4
"""How far logits may lie apart, as a share of the largest: attention is summed in another order."""

PIXEL_TOLERANCE = 1e-5
"""How far normalised pixels, from -1 to 1, may lie apart."""


@dataclass(frozen=True)
class Agreement:
    """What docexp and plain transformers made of the same pages."""

    windows: int
    difference: float
    """The largest distance of two logits."""
    largest: float
    """The largest logit."""
    as_ids: int
    """Windows that the plain processor cannot make from words, because there are none, docexp cut one, or reads ``<s>``
    as text: they were given as token ids."""
    ours: list[Prediction]
    theirs: list[Prediction]

    def __str__(self) -> str:
        ids = f" {self.as_ids} of the windows were given as token ids." if self.as_ids else ""
        apart = f"at most {self.difference:.1e} apart (the largest is {self.largest:.1f})"
        return f"the same predictions, logits {apart}.{ids}"


@dataclass(frozen=True)
class Plain:
    """An exported folder, opened: ``processor`` is a tokenizer where the model sees no image."""

    model: Any
    processor: Any
    sees_image: bool


@torch.inference_mode()
def compare_pages(
    maker: SampleMaker,
    rows: Sequence[int],
    backbone: Backbone,
    head: PlainHead,
    plain: Plain,
    *,
    tokenizer: Tokenizer,
    box_level: BoxLevel,
) -> Agreement:
    """Runs pages through both, window by window, and compares inputs, logits and predictions.

    Args:
        maker: rows of the index to samples.
        rows: which pages.
        backbone: docexp's, with the run's weights, in evaluation mode.
        head: docexp's head.
        plain: the exported folder.
        tokenizer: the run's.
        box_level: the run's.

    Raises:
        DocexpError: inputs, logits or predictions that differ, naming the page.
    """
    difference, largest, windows, as_ids = 0.0, 0.0, 0, 0
    ours: list[Prediction] = []
    theirs: list[Prediction] = []
    for row in rows:
        sample, page = maker.evaluation(row), maker.reader.read(row)
        batch = collate([sample], tokenizer.pad_id, 1)
        logits = head.logits(backbone(batch))
        others = torch.zeros_like(logits)
        for number, window in enumerate(sample.windows):
            inputs = _plain_inputs(page, window, plain, tokenizer, box_level)
            as_ids += not inputs.pop("from_words")
            length = len(window.input_ids)
            others[number, :length] = plain.model(**inputs).logits[0, :length]
            apart = float((others[number, :length] - logits[number, :length]).abs().max())
            difference, largest = max(difference, apart), max(largest, float(logits[number, :length].abs().max()))
            if not apart <= TOLERANCE * max(largest, 1.0):
                raise DocexpError(
                    f"page {page.id}: plain transformers gives other logits than docexp, by up to {apart:.2g}. "
                    "Nothing was exported."
                )
        windows += len(sample.windows)
        ours += head.predictions(logits, batch)
        theirs += head.predictions(others, batch)
        if ours[-1].predicted != theirs[-1].predicted:
            raise DocexpError(
                f"page {page.id}: plain transformers predicts otherwise than docexp. Nothing was exported."
            )
    return Agreement(windows, difference, largest, as_ids, ours, theirs)


def _plain_inputs(
    page: Page, window: Window, plain: Plain, tokenizer: Tokenizer, box_level: BoxLevel
) -> dict[str, Any]:
    """What the plain processor makes of a window's words; ``from_words`` is False where it was given ids instead."""
    inside = list(dict.fromkeys(int(word) for word in window.word_index if word >= 0))
    words = [page.words[word] for word in inside]
    boxes = normalise(level_boxes(page, box_level), page.width, page.height)[inside].tolist()
    made: dict[str, Any] = {}
    if plain.sees_image:
        made = dict(plain.processor.image_processor(decode(page), return_tensors="pt"))
        _check_pixels(page, made["pixel_values"][0], window)
    if words:
        processed = plain.processor(decode(page), words, boxes=boxes, return_tensors="pt") if made else None
        made |= dict(processed or plain.processor(words, boxes=boxes, return_tensors="pt"))
    if words and made["input_ids"][0].tolist() == window.input_ids.tolist():
        return {**made, "from_words": True}
    whole = [tokenizer.bos_id, *(i for word in words for i in tokenizer.encode_word(word)), tokenizer.eos_id]
    if (
        words
        and whole == window.input_ids.tolist()
        and not any(token in word for token in tokenizer.special_tokens for word in words)
    ):
        raise DocexpError(f"page {page.id}: the plain tokenizer splits words otherwise. Nothing was exported.")
    made["input_ids"] = torch.from_numpy(window.input_ids)[None]
    made["attention_mask"] = torch.ones_like(made["input_ids"])
    made["bbox"] = torch.from_numpy(window.bbox)[None]
    return {**made, "from_words": False}


def _check_pixels(page: Page, pixels: Tensor, window: Window) -> None:
    assert window.pixels is not None
    ours = (window.pixels.astype(np.float32) / 255 - 0.5) / 0.5
    if not np.abs(pixels.numpy() - ours).max() <= PIXEL_TOLERANCE:
        raise DocexpError(f"page {page.id}: the plain image processor makes other pixels. Nothing was exported.")
