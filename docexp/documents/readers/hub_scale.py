"""In what the boxes of somebody's dataset are measured: pixels, thousandths of the page, or shares of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from docexp.errors import DocexpError

BoxScale = Literal["auto", "pixels", "0..1000", "0..1"]
"""What boxes are measured in; ``auto`` finds it out, or stops where it cannot be told."""

SAMPLED = 200
"""So many pages are looked at."""


@dataclass(frozen=True)
class Looked:
    """What tells the scale on one page: its boxes (any nested lists of numbers), and its size in pixels, if known."""

    boxes: Any
    size: tuple[float, float] | None


def find_scale(pages: Iterable[Looked], where: str) -> BoxScale:
    """The scale of a dataset's boxes, from some of its pages.

    A coordinate above 1000 can only be pixels. Fractions of which none is above 1 are shares of the page. Where boxes
    reach beyond the image on most pages they are thousandths. Anything else could be two of these, and is refused.

    Raises:
        DocexpError: it cannot be told; it says what to give.
    """
    largest, fractions, beyond, sized = 0.0, False, 0, 0
    for page in pages:
        boxes = _numbers(page.boxes)
        if not len(boxes):
            continue
        largest = max(largest, float(boxes.max()))
        fractions = fractions or bool((boxes != np.round(boxes)).any())
        if page.size:
            sized += 1
            beyond += bool((boxes.reshape(-1, 2) > np.array(page.size)).any())
    if largest > 1000:
        return "pixels"
    if fractions and largest <= 1:
        return "0..1"
    if sized and beyond > sized / 2:
        return "0..1000"
    if not largest:
        return "pixels"  # no box at all
    raise DocexpError(
        f"{where}: its boxes reach {largest:g}, which may be pixels or thousandths of the page. "
        "Say which: data.reader.box_scale=pixels or 0..1000."
    )


def _numbers(boxes: Any) -> np.ndarray:
    """All coordinates in one row, x and y in turns; none where they are no boxes (which reading the page will say)."""
    try:
        found = np.array(boxes, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        return np.zeros(0)
    return found if len(found) % 4 == 0 and np.isfinite(found).all() else np.zeros(0)
