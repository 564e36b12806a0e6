"""Pages to the inputs of LayoutLMv2 and LayoutXLM."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.inputs.layout_encoder import CLOSING, LayoutEncoder, page_pixels


@dataclass(frozen=True, kw_only=True)
class LayoutLMv2Encoder(LayoutEncoder):
    """As in transformers' ``LayoutLMv2Processor``: ``[SEP]`` has the box 1000, 1000, 1000, 1000, pixels are BGR.

    So have the authors' LayoutLM (see ``inputs.layoutlm``). Their FUNSD script for LayoutLMv2 gives all special tokens
    the box 0 (microsoft/unilm, layoutlmft/examples/run_funsd.py), their XFUND script uses no special tokens at all.
    """

    closing: ClassVar[int] = CLOSING

    def pixels(self, page: Page, size: int, part: Part | None = None) -> NDArray[np.uint8]:
        """Blue, green, red, ``[3, size, size]``: the order that detectron2's models are trained in."""
        pixels = page_pixels(page, size, part)
        if pixels.strides[0] == 0:  # a grey image, one channel seen as three
            return pixels
        return np.ascontiguousarray(pixels[::-1])

    def picture(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """In the order that people's screens have, not in the model's."""
        return super().picture(pixels[::-1])
