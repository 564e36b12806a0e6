"""Which part of a page a training sample shows, where that is drawn anew in every epoch."""

import math
from dataclasses import dataclass

import numpy as np

from docexp.documents.images import Part

ASPECT = (3 / 4, 4 / 3)
"""Between which the width of a part is to its height."""

TRIES = 10
"""Draws before the middle of the page is taken."""


@dataclass(frozen=True)
class RandomCrop:
    """RandomResizedCrop: a part of between two shares of the page's area, anywhere on it.

    The law is torchvision's (``transforms.RandomResizedCrop``), which BEiT's own class took over with the same defaults
    (microsoft/unilm, beit/transforms.py): an area drawn evenly, an aspect drawn evenly in its logarithm, a place drawn
    evenly; after ``TRIES`` that do not fit, the largest part in the middle of an allowed aspect. It is drawn in the
    page's own pixels before any rounding, so that an image that was stored smaller is cropped alike.

    Args:
        smallest: share of the page's area.
        largest: share of the page's area.
    """

    smallest: float
    largest: float

    def draw(self, rng: np.random.Generator, width: float, height: float) -> Part:
        """A part of a page of ``width × height``."""
        for _ in range(TRIES):
            area = width * height * rng.uniform(self.smallest, self.largest)
            aspect = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
            across, down = math.sqrt(area * aspect), math.sqrt(area / aspect)
            if across <= width and down <= height:
                left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
                return left / width, top / height, (left + across) / width, (top + down) / height
        across, down = min(width, height * ASPECT[1]), min(height, width / ASPECT[0])
        left, top = (1 - across / width) / 2, (1 - down / height) / 2
        return left, top, 1 - left, 1 - top
