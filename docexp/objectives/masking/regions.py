"""Covering regions of a page's pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLUR = 0.5
"""How far a bilinear filter carries ink beyond its box, in pixels of an image that was made smaller."""

BLACK = (0, 0, 0)
"""What hidden words and covered lines are painted with; the LayoutLMv2 paper names no colour."""


def paint(pixels: NDArray[np.uint8], boxes: NDArray[np.int64], colour: Sequence[int]) -> NDArray[np.uint8]:
    """A copy of ``pixels`` ``[3, H, W]`` with ``boxes`` ``[N, 4]``, 0..1000 of the page, filled with ``colour``.

    A filled box hides every pixel that ink in it can have touched. Boxes lost their fraction (``geometry.normalise``),
    so the right and lower edges count as one thousandth further; sides are rounded outwards, after a margin of
    ``BLUR`` for the bilinear filter that ``images.square_image`` resizes with. That is enough for images of at least
    half the pixels of the side they are resized to.

    Args:
        pixels: ``[3, H, W]``, which may be one channel seen as three.
        boxes: ``[N, 4]``.
        colour: three values 0..255, in the order of the channels.
    """
    painted = np.array(pixels)
    height, width = painted.shape[1:]
    side = np.array([width, height])
    low = np.floor(boxes[:, :2] * side / 1000 - BLUR).clip(0).astype(np.int64)
    high = np.ceil((boxes[:, 2:] + 1) * side / 1000 + BLUR).astype(np.int64)  # a slice may end beyond the image
    fill = np.array(colour, dtype=np.uint8)[:, None, None]
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        painted[:, top:bottom, left:right] = fill
    return painted
