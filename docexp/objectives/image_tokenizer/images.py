"""Page images as image tokenizers see them. Imports no torch."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.documents.images import decode_as_stored
from docexp.documents.page import Page


def tokenizer_pixels(page: Page, side: int) -> NDArray[np.uint8]:
    """The page's image in RGB at ``side × side`` pixels, ``[3, side, side]``, by Pillow's Lanczos filter.

    LayoutLMv3 takes 112 pixels for 14 × 14 codes. Source: ``second_input_size`` and ``second_interpolation`` of
    microsoft/unilm (layoutlmv3/examples/run_funsd_cord.py, beit/run_beit_pretraining.py).

    Raises:
        PageError: no image, or one that does not decode; named by page.
    """
    image = decode_as_stored(page)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
