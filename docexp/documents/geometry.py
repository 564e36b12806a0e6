"""Boxes in page pixels: float ``x0, y0, x1, y1``, origin top left.

A set of boxes is an array of shape ``[N, 4]``. Nothing here clamps silently: ``clip`` says how many boxes it changed.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]


def as_boxes(values: ArrayLike) -> Boxes:
    """``values`` as a new float array ``[N, 4]``; one box ``[4]`` gives ``[1, 4]``, an empty sequence ``[0, 4]``.

    Raises:
        ValueError: the values are no boxes of four numbers.
    """
    try:
        boxes = np.array(values, dtype=np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim == 1:
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"expected boxes of 4 numbers, not an array of shape {boxes.shape}")
    return boxes


def first_fault(boxes: Boxes, width: float, height: float) -> tuple[int, str] | None:
    """The first box ``[N, 4]`` that cannot be on a page of ``width × height``: its index and what is wrong with it."""
    good = (boxes[:, :2] <= boxes[:, 2:]) & (boxes[:, :2] >= 0) & (boxes[:, 2:] <= (width, height))
    if good.all():  # NaN compares false, infinity is beyond the page: what is left is finite
        return None
    index = int(np.flatnonzero(~good.all(axis=1))[0])
    x0, y0, x1, y1 = boxes[index]
    if not np.isfinite(boxes[index]).all():
        fault = "is not finite"
    elif x1 < x0 or y1 < y0:
        fault = "has x1 < x0" if x1 < x0 else "has y1 < y0"
    else:
        fault = f"is outside the page of {width:g} × {height:g}"
    return index, f"box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) {fault}"


def normalise(boxes: Boxes, width: float, height: float) -> NDArray[np.int64]:
    """Boxes as integers 0..1000 of the page, ``[N, 4]``, the fraction cut off.

    Source: ``normalize_bbox`` of the published LayoutLM v1 to v3 preprocessing, ``int(1000 * x / width)``
    (microsoft/unilm, layoutlmv3/layoutlmft/data/image_utils.py).
    """
    scale = np.array([width, height, width, height], dtype=np.float64)
    return np.trunc(1000.0 * boxes / scale).astype(np.int64)


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


def words_to_lines(boxes: Boxes, overlap: float = 0.5, gap: float = 1.25) -> list[list[int]]:
    """Groups words into the lines an OCR engine would give: word indices per line, top to bottom, left to right.

    Two words follow each other on a line when each is the other's nearest neighbour on that side. Neighbours share
    at least ``overlap`` of the lower one's height, lie at most ``gap`` times that height apart (a typewriter's double
    space is 1.2), and overlap sideways by at most half of the narrower one. Every decision is local, so a skewed page
    keeps its lines, and wider gaps split: columns, a field's name and its value.
    """
    if not len(boxes):
        return []
    following = _followers(boxes, overlap, gap)
    starts = np.setdiff1d(np.arange(len(boxes)), following)
    lines = []
    for word in starts.tolist():
        line = [word]
        while (after := int(following[line[-1]])) >= 0:
            line.append(after)
        lines.append(line)
    return _by_row(lines, boxes)


def _followers(boxes: Boxes, overlap: float, gap: float) -> NDArray[np.int64]:
    """For each word the next one on its line, or -1, ``[N]``."""
    x0, y0, x1, y1 = boxes.T
    wide, high = x1 - x0, y1 - y0
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    place = np.empty(len(boxes), dtype=np.int64)
    place[np.argsort(x, kind="stable")] = np.arange(len(boxes))
    right = np.full(len(boxes), -1)
    left = np.full(len(boxes), -1)
    left_distance = np.full(len(boxes), np.inf)
    floor = np.median(high) / 2  # a dash may be a few pixels high, and still stands on its line
    for word in range(len(boxes)):
        shared = np.minimum(y1, y1[word]) - np.maximum(y0, y0[word])
        between = x0 - x1[word]
        beside = (
            (place > place[word])
            & (shared >= overlap * np.minimum(high, high[word]))
            & (between <= gap * np.maximum(np.minimum(high, high[word]), floor))
            & (-between <= np.minimum(wide, wide[word]) / 2)
        )
        # the vertical offset decides for the level neighbour where a tall word stands beside two lines
        distance = np.where(beside, np.maximum(between, 0) + np.abs(y - y[word]), np.inf)
        if beside.any():
            right[word] = distance.argmin()
        nearer = distance < left_distance
        left[nearer], left_distance[nearer] = word, distance[nearer]
    mutual = (right >= 0) & (left[right] == np.arange(len(boxes)))
    return np.where(mutual, right, -1)


def _by_row(lines: list[list[int]], boxes: Boxes) -> list[list[int]]:
    """Lines top to bottom; those that stand side by side, left to right."""
    around = [union(boxes[line]).tolist() for line in lines]
    rows: list[list[int]] = []
    for line in sorted(range(len(lines)), key=lambda i: (around[i][1], around[i][0])):
        _, top, _, bottom = around[line]
        if rows:
            _, row_top, _, row_bottom = around[rows[-1][0]]
            shared = min(bottom, row_bottom) - max(top, row_top)
            if shared > 0 and shared >= min(bottom - top, row_bottom - row_top) / 2:
                rows[-1].append(line)
                continue
        rows.append([line])
    return [lines[line] for row in rows for line in sorted(row, key=lambda i: around[i][0])]


def boxes_to_patches(boxes: Boxes, width: float, height: float, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Which image patches each box touches, ``[N, 4] → [N, P]``, the patches row-major in ``grid`` (rows, columns).

    A box touches a patch when they share area; a box without width or height touches, along that side, the patches
    that hold its left or upper edge. Every box touches at least one.
    """
    rows, columns = grid
    down = _cells(boxes[:, 1], boxes[:, 3], height, rows)
    across = _cells(boxes[:, 0], boxes[:, 2], width, columns)
    return (down[:, :, None] & across[:, None, :]).reshape(len(boxes), rows * columns)


def _cells(low: NDArray[np.float64], high: NDArray[np.float64], extent: float, count: int) -> NDArray[np.bool_]:
    """Which of ``count`` equal parts of a side ``extent`` long each stretch touches, ``[N, count]``."""
    first = np.minimum(np.floor(low * count / extent), count - 1)
    last = np.minimum(np.ceil(high * count / extent), count)
    cells = np.arange(count)
    return (cells >= first[:, None]) & (cells < np.maximum(last, first + 1)[:, None])
