"""An image tokenizer as shards are made with: from pages to codes, opened by name in any process."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from docexp.documents.page import Page
from docexp.objectives.image_tokenizer.images import tokenizer_pixels
from docexp.objectives.image_tokenizer.loading import load_image_tokenizer


class PagesTokenizer:
    """Opens the tokenizer at a place.

    Args:
        place: a folder or ``run:…``, as ``load_image_tokenizer`` takes it.
        runs: the folder of runs.

    Raises:
        DocexpError: as ``load_image_tokenizer``.
    """

    def __init__(self, place: str, runs: Path) -> None:
        self._tokenizer = load_image_tokenizer(place, runs)
        self.checksum, self.vocabulary = self._tokenizer.checksum, self._tokenizer.vocabulary

    def codes(self, pages: Sequence[Page], grid: int) -> NDArray[np.int64]:
        """Codes ``[pages, grid, grid]`` of the pages' images, each made a square of ``grid`` codes.

        Raises:
            PageError: a page has no image, or one that does not decode.
        """
        side = grid * self._tokenizer.factor
        pixels = np.stack([tokenizer_pixels(page, side) for page in pages])
        return self._tokenizer.codes(torch.from_numpy(pixels)).numpy()
