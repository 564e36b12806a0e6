"""Which text tokens are aligned with the visible part of the image (LayoutLMv3's WPA)."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from docexp.documents.geometry import as_boxes, boxes_to_patches
from docexp.errors import choice

Rule = Literal["any", "majority", "all"]
RULES: tuple[Rule, ...] = get_args(Rule)


def token_patches(word_bbox: NDArray[np.int64], grid: int) -> NDArray[np.bool_]:
    """The patches that each token's word box covers, ``[T, P]``, ``P = grid²``, row-major.

    Boxes ``[T, 4]`` are 0..1000 of the page. A patch is covered where it shares area with the box; a box without width
    or height covers, along that side, the patches that hold its left or upper edge, and the last ones at 1000. So
    every token covers at least one patch, special tokens too.
    """
    return boxes_to_patches(as_boxes(word_bbox), 1000, 1000, (grid, grid))


def unaligned(patches: NDArray[np.bool_], patches_masked: NDArray[np.bool_], rule: Rule = "any") -> NDArray[np.bool_]:
    """Which tokens are unaligned, ``[T]``: those whose ``patches`` ``[T, P]`` are masked, ``patches_masked`` ``[P]``.

    ``rule`` says how many of a token's patches must be masked: one (``any``), more than half (``majority``), or
    ``all``. Source: LayoutLMv3 (arXiv 2204.08387, section 3.2): aligned is a token whose image tokens are all unmasked,
    which is ``any``. Its other half, the tokens that MLM masks, is the objective's: they have no label.

    Raises:
        DocexpError: the rule is none of the three.
    """
    choice("rule", rule, RULES)
    hidden = (patches & patches_masked).sum(axis=1)
    if rule == "any":
        return hidden > 0
    covered = patches.sum(axis=1)
    return hidden == covered if rule == "all" else 2 * hidden > covered
