"""A page's image as an image tokenizer takes it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.documents.images import decode_as_stored
from docexp.documents.page import Page


def tokenizer_pixels(page: Page, side: int) -> NDArray[np.uint8]:
    """The page's image in RGB, ``[3, side, side]``, resized with Pillow's Lanczos filter whatever its proportions.

    Lanczos is BEiT's ``second_interpolation``, the filter of the image that codes are made of (microsoft/unilm,
    beit/run_beit_pretraining.py); the model's own image is resized by another.

    Raises:
        PageError: no image, or one that does not decode; named by page.
    """
    image = decode_as_stored(page)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
