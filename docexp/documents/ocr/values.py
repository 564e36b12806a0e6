"""Numbers of OCR files on their way to boxes in page pixels."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes
from docexp.errors import DocexpError

SHAPE_TOLERANCE = 0.02
"""By how much height against width may differ between the page that OCR saw and the page image."""

_NOISE = 1e-6
"""Coordinates this near to the border, as a share of the page, are on it: what scaling and decimals leave."""


def number(value: Any, where: str) -> float:
    """A finite number from a text or a json number.

    Raises:
        DocexpError: it is none; ``where`` comes first.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DocexpError(f"{where}: {str(value)[:40]!r} is no number.")
    return found


def box_array(rows: Any, count: int, where: str) -> Boxes:
    """``count`` boxes ``[N, 4]`` from a list of lists of four numbers.

    Raises:
        DocexpError: they are no boxes, not finite, or another number of them; ``where`` comes first.
    """
    try:
        if not isinstance(rows, Sequence) or any(isinstance(row, str | bytes) for row in rows):
            raise ValueError("no list of boxes")
        boxes = as_boxes(rows)
    except ValueError as error:
        raise DocexpError(f"{where}: {error}.") from None
    if len(boxes) != count:
        raise DocexpError(f"{where}: {count} texts but {len(boxes)} boxes.")
    if not np.isfinite(boxes).all():
        raise DocexpError(f"{where}: a box holds what is no finite number.")
    return boxes


def corners(boxes: Boxes) -> Boxes:
    """Boxes ``x, y, width, height`` as ``x0, y0, x1, y1``, ``[N, 4]``."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


def scaled(boxes: Boxes, seen: tuple[float, float] | None, width: float, height: float, where: str) -> Boxes:
    """Boxes ``[N, 4]`` of a page of the size that OCR saw, in pixels of the page image of ``width × height``.

    Args:
        boxes: in the units of ``seen``.
        seen: width and height of the page that OCR saw; ``None`` where the file does not say: then it saw the image.
        width: of the page image, in pixels.
        height: likewise.
        where: the file and page, for errors.

    Raises:
        DocexpError: the two pages differ in shape, so that one cannot be the other.
    """
    wide, high = seen or (width, height)
    if wide <= 0 or high <= 0:
        raise DocexpError(f"{where}: OCR of a page of {wide:g} × {high:g}.")
    if abs(wide * height / (high * width) - 1) > SHAPE_TOLERANCE:
        raise DocexpError(
            f"{where}: OCR of a page of {wide:g} × {high:g}, but the image is {width:g} × {height:g}: another shape. "
            "Take image and OCR from the same release."
        )
    limit = np.array([width, height, width, height])
    found = boxes * (limit / np.array([wide, high, wide, high]))
    found = np.where(np.abs(found - limit) < _NOISE * limit, limit, found)
    return np.where(np.abs(found) < _NOISE * limit, 0.0, found)


def relative(boxes: Boxes, width: float, height: float, where: str) -> Boxes:
    """Boxes ``[N, 4]`` in shares of the page, 0 to 1, in its pixels.

    Raises:
        DocexpError: they are no shares: far beyond 1.
    """
    if len(boxes) and np.abs(boxes).max() > 2:
        raise DocexpError(f"{where}: boxes are to be shares of the page, 0 to 1, not {np.abs(boxes).max():g}.")
    unit = scaled(boxes, (1.0, 1.0), 1.0, 1.0, where)
    return unit * np.array([width, height, width, height])
