"""Pages to the inputs of an image tokenizer in training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.inputs.layout_encoder import LayoutEncoder
from docexp.objectives.image_tokenizer.images import tokenizer_pixels


@dataclass(frozen=True, kw_only=True)
class TokenizerEncoder(LayoutEncoder):
    """The image alone, resized by the filter that codes are made with."""

    def pixels(self, page: Page, size: int, part: Part | None = None) -> NDArray[np.uint8]:
        """See ``tokenizer_pixels``."""
        return tokenizer_pixels(page, size, part)
