"""Pages to the inputs of the LayoutLM families: sub-words, boxes 0..1000, windows, pixels."""

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from docexp.documents.box_levels import level_boxes
from docexp.documents.geometry import normalise
from docexp.documents.images import Part, square_image
from docexp.documents.page import BoxLevel, Page
from docexp.errors import DocexpError
from docexp.inputs.cropping import RandomCrop
from docexp.inputs.encoder import PageEncoder
from docexp.inputs.sample import Window
from docexp.inputs.tokenizer import Tokenizer, TokenizerError
from docexp.inputs.windows import window_spans

SPECIAL = 2
"""The token that opens a window and the one that closes it."""

CLOSING = 1000
"""All edges of the box that LayoutLM and LayoutLMv2 give the token that closes a window."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class LayoutEncoder(PageEncoder):
    """What the families share; a family says which box closes a window and how its pixels lie.

    The token that opens a window has the box 0, 0, 0, 0. Blank words have no tokens. Words of no line have the
    line index -1. Every window of a page shares its pixels, which stay uint8: normalising happens on the device.

    Args:
        tokenizer: words to ids.
        box_level: whose box a token gets.
        max_tokens: the length of a window, special tokens included.
        stride: the tokens that neighbouring windows share at most.
        image_size: side of the square that the page is resized to; ``None`` leaves the image out.
        text: ``False`` leaves the words out: one window that holds the special tokens alone.
        layout: ``False`` gives every token the box 0, 0, 0, 0; word boxes stay, as objectives predict from them.
        crop: what training draws of an image; ``None``: all of it. Words would lose their places: not with text.

    Raises:
        DocexpError: neither text nor image, both text and crops, or a stride that is no shorter than a window.
    """

    closing: ClassVar[int] = 0
    """All four edges of the box of the token that closes a window."""

    tokenizer: Tokenizer
    box_level: BoxLevel = "word"
    max_tokens: int = 512
    stride: int = 128
    image_size: int | None = 224
    text: bool = True
    layout: bool = True
    crop: RandomCrop | None = None

    def __post_init__(self) -> None:
        if not self.text and self.image_size is None:
            raise DocexpError("an input with neither text nor image; allow one of them")
        if self.text and self.crop is not None:
            raise DocexpError("parts of pages are shown to models of images alone: boxes are those of whole pages")
        if not 0 <= self.stride < self.max_tokens - SPECIAL:
            raise DocexpError(
                f"windows of {self.max_tokens} tokens hold {self.max_tokens - SPECIAL} beside the special ones, "
                f"so they cannot share {self.stride}; choose a smaller data.window_stride"
            )

    def training_part(self, page: Page, rng: np.random.Generator) -> Part | None:
        """As ``crop`` draws it."""
        return None if self.crop is None else self.crop.draw(rng, page.width, page.height)

    def encode(self, page: Page, part: Part | None = None) -> list[Window]:
        """All windows of the page, in order."""
        pieces = self._pieces(page)
        counts = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        ids = np.fromiter(chain.from_iterable(pieces), dtype=np.int64, count=int(counts.sum()))
        word = np.repeat(np.arange(len(pieces)), counts)
        starts = np.diff(word, prepend=-1) > 0
        word_boxes = normalise(page.word_boxes, page.width, page.height)
        if not self.layout:
            boxes = np.zeros_like(word_boxes)
        elif self.box_level == "word":
            boxes = word_boxes
        else:
            boxes = normalise(level_boxes(page, self.box_level), page.width, page.height)
        line = _line_of_words(page)
        pixels = None if self.image_size is None else self.pixels(page, self.image_size, part)
        closing = self.closing if self.layout else 0  # without layout nothing has a place
        windows = []
        for start, stop in window_spans(starts, self.max_tokens - SPECIAL, self.stride):
            inside = word[start:stop]
            windows.append(
                Window(
                    input_ids=_between(ids[start:stop], self.tokenizer.bos_id, self.tokenizer.eos_id),
                    bbox=_between(boxes[inside], 0, closing),
                    word_bbox=_between(word_boxes[inside], 0, 0),
                    word_index=_between(inside, -1, -1),
                    line_index=_between(line[inside], -1, -1),
                    starts_word=_between(starts[start:stop], 0, 0),
                    pixels=pixels,
                )
            )
        return windows

    def pixels(self, page: Page, size: int, part: Part | None = None) -> NDArray[np.uint8]:
        """The page's image as the family sees it, ``[3, size, size]``; here as ``page_pixels`` gives it."""
        return page_pixels(page, size, part)

    def _pieces(self, page: Page) -> list[tuple[int, ...]]:
        if not self.text:
            return [()] * len(page.words)
        encode = self.tokenizer.encode_word
        try:
            return [() if blank else encode(word) for word, blank in zip(page.words, page.blank, strict=True)]
        except TokenizerError as error:
            raise DocexpError(f"page {page.id}: {error}") from None


def page_pixels(page: Page, size: int, part: Part | None = None) -> NDArray[np.uint8]:
    """The page's image as ``square_image`` gives it, in three channels, ``[3, size, size]``."""
    image = square_image(page, size, part)
    pixels = np.asarray(image)
    if image.mode == "L":
        return np.broadcast_to(pixels, (3, size, size))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _line_of_words(page: Page) -> NDArray[np.int64]:
    line = np.full(len(page.words), -1, dtype=np.int64)
    lines = page.lines or ()
    words = np.fromiter(chain.from_iterable(lines), dtype=np.int64)
    line[words] = np.repeat(np.arange(len(lines)), np.fromiter(map(len, lines), dtype=np.int64, count=len(lines)))
    return line


def _between(values: NDArray[_Scalar], first: int, last: int) -> NDArray[_Scalar]:
    """``values`` with one row before and one after."""
    joined = np.empty((len(values) + SPECIAL, *values.shape[1:]), dtype=values.dtype)
    joined[0], joined[1:-1], joined[-1] = first, values, last
    return joined
