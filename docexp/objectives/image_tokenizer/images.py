"""A page's image as an image tokenizer takes it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.documents.images import Part, shown_image
from docexp.documents.page import Page


def tokenizer_pixels(page: Page, side: int, part: Part | None = None) -> NDArray[np.uint8]:
    """The page's image in RGB, or a part of it, ``[3, side, side]``, resized with Pillow's Lanczos filter.

    Its proportions do not count.

    Lanczos is BEiT's ``second_interpolation``, the filter of the image that codes are made of (microsoft/unilm,
    beit/run_beit_pretraining.py); the model's own image is resized by another.

    Raises:
        PageError: no image, or one that does not decode; named by page.
    """
    image = shown_image(page, side, Image.Resampling.LANCZOS, part)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
