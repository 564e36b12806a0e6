"""Boxes in page pixels: float ``x0, y0, x1, y1``, origin top left.

A set of boxes is an array of shape ``[N, 4]``. Nothing here clamps silently: ``clip`` says how many boxes it changed.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]


def as_boxes(values: ArrayLike) -> Boxes:
    """``values`` as a float array ``[N, 4]``; an empty sequence gives ``[0, 4]``."""
    boxes = np.asarray(values, dtype=np.float64)
    return boxes.reshape(0, 4) if boxes.size == 0 else boxes.reshape(-1, 4)


def normalise(boxes: Boxes, width: float, height: float) -> NDArray[np.int64]:
    """Boxes as integers 0..1000 of the page, rounded down, ``[N, 4]``.

    Source: ``normalize_bbox`` of the published LayoutLM v1 to v3 preprocessing, ``int(1000 * x / width)``
    (microsoft/unilm, layoutlmv3/layoutlmft/data/image_utils.py).
    """
    scale = np.array([width, height, width, height], dtype=np.float64)
    return np.floor(1000.0 * boxes / scale).astype(np.int64)


def clip(boxes: Boxes, width: float, height: float) -> tuple[Boxes, int]:
    """Boxes cut at the page's border, and how many of them that changed."""
    limit = np.array([width, height, width, height], dtype=np.float64)
    cut = np.clip(boxes, 0.0, limit)
    return cut, int((cut != boxes).any(axis=1).sum())


def union(boxes: Boxes) -> Boxes:
    """The smallest box ``[4]`` around all boxes ``[N, 4]``, N at least 1."""
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Areas ``[N]`` in square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def iou(left: Boxes, right: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every pair, ``[N, 4] × [M, 4] → [N, M]``; two empty boxes give 0."""
    low = np.maximum(left[:, None, :2], right[None, :, :2])
    high = np.minimum(left[:, None, 2:], right[None, :, 2:])
    inside = np.clip(high - low, 0.0, None).prod(axis=2)
    whole = area(left)[:, None] + area(right)[None, :] - inside
    return np.divide(inside, whole, out=np.zeros_like(inside), where=whole > 0)


def words_to_lines(boxes: Boxes, overlap: float = 0.5, gap: float = 1.5) -> list[list[int]]:
    """Groups words into the lines an OCR engine would give: word indices per line, top to bottom, left to right.

    Two words share a line when their vertical ranges overlap by at least ``overlap`` of the lower one's height and
    no horizontal gap wider than ``gap`` times that height lies between neighbours. Words without height (a zero
    box) form a line with what lies at their place.
    """
    rows: list[list[int]] = []
    row_low: list[float] = []
    row_high: list[float] = []
    for word in sorted(range(len(boxes)), key=lambda i: (boxes[i, 1] + boxes[i, 3], boxes[i, 0], i)):
        _, top, _, bottom = boxes[word]
        best, best_share = -1, overlap
        for row in range(len(rows) - 1, -1, -1):
            shared = min(bottom, row_high[row]) - max(top, row_low[row])
            share = shared / max(min(bottom - top, row_high[row] - row_low[row]), 1e-9)
            if shared >= 0 and share >= best_share:
                best, best_share = row, share
        if best < 0:
            rows.append([word])
            row_low.append(top)
            row_high.append(bottom)
        else:
            rows[best].append(word)
            # the row's range follows its words' mean, so that a slightly skewed line does not swallow the next one
            count = len(rows[best])
            row_low[best] += (top - row_low[best]) / count
            row_high[best] += (bottom - row_high[best]) / count
    lines: list[list[int]] = []
    for row in rows:
        row.sort(key=lambda i: (boxes[i, 0], i))
        line = [row[0]]
        for before, word in zip(row, row[1:], strict=False):
            height = max(min(boxes[before, 3] - boxes[before, 1], boxes[word, 3] - boxes[word, 1]), 1e-9)
            if boxes[word, 0] - max(boxes[i, 2] for i in line) > gap * height:
                lines.append(line)
                line = []
            line.append(word)
        lines.append(line)
    return sorted(lines, key=lambda line: (boxes[line, 1].min(), boxes[line, 0].min()))


def boxes_to_patches(boxes: Boxes, width: float, height: float, grid: tuple[int, int]) -> list[NDArray[np.int64]]:
    """For each box, the indices of the image patches it touches, row-major in ``grid`` (rows, columns).

    A box touches a patch when they share area; a box without area touches the patch its top left corner lies in.
    """
    rows, columns = grid
    result = []
    for x0, y0, x1, y1 in boxes:
        left, right = _cells(x0, x1, width, columns)
        top, bottom = _cells(y0, y1, height, rows)
        result.append((np.arange(top, bottom)[:, None] * columns + np.arange(left, right)).ravel())
    return result


def _cells(low: float, high: float, extent: float, count: int) -> tuple[int, int]:
    first = min(int(low * count / extent), count - 1)
    last = min(int(np.ceil(high * count / extent)), count)
    return first, max(last, first + 1)
