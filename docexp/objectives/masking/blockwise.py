"""BEiT's blockwise masking of image patches."""

import math

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError

ATTEMPTS = 10
"""Blocks that may fail in a row before a mask stays short of its number, as in the authors' generator."""

Block = tuple[slice, slice]


def blockwise_mask(
    rng: np.random.Generator,
    height: int,
    width: int,
    masked: int,
    *,
    smallest: int = 16,
    aspect: float = 0.3,
    largest: int | None = None,
) -> NDArray[np.bool_]:
    """Which patches of a grid are masked, ``[height, width]``: blocks are laid until ``masked`` patches are covered.

    A block's area is uniform between ``smallest`` and the number still missing, at most ``largest`` (between the two
    in falling order, where less is missing than ``smallest``), and the logarithm of its height over its width uniform
    between those of ``aspect`` and ``1 / aspect``. Its sides are rounded, each must be shorter than the grid's, and
    its place is uniform. It is laid if it covers at least one new patch, and no more than are missing or ``largest``.
    The number is never exceeded and not always reached: after ``ATTEMPTS`` blocks in a row that cannot be laid the
    mask stays as it is. 75 of 14 × 14 are reached by about two masks in three, and missed by half a patch on average;
    on a grid of a few patches, where few blocks fit, a mask may even stay empty.

    Source: BEiT (arXiv 2106.08254), algorithm 1, as the authors' ``MaskingGenerator`` computes it (microsoft/unilm,
    beit/masking_generator.py). Their training masks 75 of 196 patches with ``smallest`` 16; the 40 % of the paper, of
    LayoutLMv3 and of DiT are 78.

    Raises:
        DocexpError: more patches than the grid has, an aspect ratio beyond 0..1, or no block that fits the grid.
    """
    if not 0 <= masked <= height * width:
        raise DocexpError(f"masked={masked} is not between 0 and the {height} × {width} patches of the grid")
    if masked:
        _check(height, width, min(smallest, masked, masked if largest is None else largest), aspect)
    mask = np.zeros((height, width), dtype=np.bool_)
    while (missing := masked - int(mask.sum())) > 0:
        most = missing if largest is None else min(missing, largest)
        block = _block(rng, mask, most, smallest, aspect)
        if block is None:
            break
        mask[block] = True
    return mask


def _block(rng: np.random.Generator, mask: NDArray[np.bool_], most: int, smallest: int, aspect: float) -> Block | None:
    """The next block that covers 1 to ``most`` new patches, or None after too many attempts."""
    height, width = mask.shape
    for _ in range(ATTEMPTS):
        area = _uniform(rng, smallest, most)
        ratio = math.exp(_uniform(rng, math.log(aspect), math.log(1 / aspect)))
        tall, broad = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if tall >= height or broad >= width:
            continue
        top = int(rng.integers(0, height - tall + 1))
        left = int(rng.integers(0, width - broad + 1))
        block = slice(top, top + tall), slice(left, left + broad)
        if 0 < tall * broad - int(mask[block].sum()) <= most:
            return block
    return None


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    # Generator.uniform refuses low > high, which the last blocks of a mask need
    return low + (high - low) * rng.random()


def _check(height: int, width: int, area: int, aspect: float) -> None:
    """Refuses blocks of which not even those of the least ``area`` fit the grid."""
    if not (0 < aspect <= 1 and area >= 1):
        raise DocexpError(f"aspect={aspect:g} must be above 0 and at most 1, smallest and largest 1 or more")
    # a side is rounded, so it is shorter than the grid's where it is below the grid's less a half
    flattest, steepest = area / (width - 0.5) ** 2, (height - 0.5) ** 2 / area
    if min(height, width) < 2 or flattest >= min(1 / aspect, steepest) or steepest <= aspect:
        raise DocexpError(f"no block of {area} patches fits a grid of {height} × {width}; use a lower smallest")
