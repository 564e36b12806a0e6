"""Which lines of a page are covered (LayoutLMv2's TIA), and where they are."""

import numpy as np
from numpy.typing import NDArray

from docexp.documents.geometry import as_boxes, union
from docexp.objectives.masking.count import masked_count


def choose_lines(rng: np.random.Generator, line_index: NDArray[np.int64], ratio: float) -> NDArray[np.int64]:
    """The lines to cover, ``[L]`` ascending: ``masked_count`` of the lines that have tokens, all sets equally likely.

    ``line_index`` ``[T]`` is each token's line, negative at tokens of no line. Source: LayoutLMv2 (arXiv 2012.14740,
    section 2.3) selects some of the lines at random and covers them in the image, 15 % of them in its settings.

    Raises:
        DocexpError: the ratio is not between 0 and 1.
    """
    lines = np.unique(line_index[line_index >= 0])
    return np.sort(rng.choice(lines, masked_count(rng, len(lines), ratio), replace=False))


def line_boxes(
    word_bbox: NDArray[np.int64], line_index: NDArray[np.int64], lines: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The boxes of ``lines`` ``[L]``, 0..1000, ``[L, 4]``: the union of the word boxes of each line's tokens.

    Only the tokens given count: a line that a window cuts has the box of what the window holds.

    Args:
        word_bbox: ``[T, 4]``, 0..1000.
        line_index: ``[T]``, each token's line.
        lines: ``[L]``, lines that have tokens.
    """
    boxes = as_boxes(word_bbox)
    return as_boxes([union(boxes[line_index == line]) for line in lines]).astype(np.int64)
