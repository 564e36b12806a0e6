"""The text that an OCR engine read off a page, as its result file holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from docexp.documents.geometry import Boxes, as_boxes


@dataclass
class OcrText:
    """Words, their boxes ``[N, 4]`` in the page's pixels, and the lines that the engine put them in."""

    words: list[str] = field(default_factory=list)
    boxes: Boxes = field(default_factory=lambda: as_boxes([]))
    lines: list[tuple[int, ...]] = field(default_factory=list)


def scaled(values: Any, frame: tuple[float, float], page: tuple[float, float]) -> Any:
    """Coordinates ``x, y, x, y, …`` of a frame of some width and height, on a page of another.

    What is no sequence of sensible numbers comes back as it is, for ``BoxRules`` to refuse.
    """
    if not isinstance(values, Sequence) or any(type(v) not in (int, float) or abs(v) > 2**53 for v in values):
        return values
    # multiplied first: the frame's own border falls on the page's, not a rounding beyond it
    return [value * page[place % 2] / frame[place % 2] for place, value in enumerate(values)]
