"""Images above what was made of them, in one picture."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHOWN = 8
"""Pages in a picture."""
GAP = 4
"""Pixels between images; they are grey."""
GREY = 128


def side_by_side(images: NDArray[np.uint8], made: NDArray[np.uint8]) -> bytes:
    """A PNG of the first images ``[N, 3, h, w]`` in a row, each above its reconstruction."""
    number, height, width = min(len(images), SHOWN), *images.shape[2:]
    sheet = np.full((2 * height + GAP, number * (width + GAP) - GAP, 3), GREY, dtype=np.uint8)
    for column in range(number):
        left = column * (width + GAP)
        for top, pixels in ((0, images[column]), (height + GAP, made[column])):
            sheet[top : top + height, left : left + width] = pixels.transpose(1, 2, 0)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "PNG")
    return data.getvalue()
