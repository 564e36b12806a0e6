"""Pages to the inputs of one model family."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.inputs.sample import Window


class PageEncoder(ABC):
    """Turns a page into windows. Pure, so that any process gives the same windows, and picklable for data workers."""

    def training_part(self, page: Page, rng: np.random.Generator) -> Part | None:
        """The part of the page that a training sample shows; None, the whole, unless a family draws one."""
        del page, rng

    @abstractmethod
    def encode(self, page: Page, part: Part | None = None) -> list[Window]:
        """All windows of the page, at least one, in order; every non-blank word is in one of them.

        Args:
            page: what is encoded.
            part: all that the image shows of it, where ``training_part`` drew one.

        Raises:
            DocexpError: the page lacks what the encoder needs, or holds a text or image that cannot be encoded.
        """

    def picture(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A window's pixels ``[3, H, W]`` as people see them: ``[H, W, 3]``, red, green, blue."""
        return np.ascontiguousarray(pixels.transpose(1, 2, 0))
