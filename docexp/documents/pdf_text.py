"""The text layer of a PDF page: characters to words, in a frame with its origin at the top left."""

import ctypes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.readers.reader import Report

LINE_END_HYPHEN = "\x02"
"""What pdfium gives for a hyphen at a line's end. The parts stay two words, as they are printed."""
NO_CODE = "\ufffd"


@dataclass
class _Word:
    text: str = ""
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)


def page_words(page: Any, report: Report) -> tuple[list[str], Boxes]:
    """Words of a pdfium page and their boxes ``[N, 4]`` in points, as the page is shown: cropped, turned, y downwards.

    Blanks end a word, those that pdfium puts where there is a gap included, and so does a hyphen at a line's end.
    Ligatures are letters already: pdfium writes them out. A box is the union of its characters' boxes, each as high as
    its font, so that words of one line are equally high. Boxes may reach beyond the page; words that lie wholly beyond
    are left out.

    Args:
        page: a ``pypdfium2.PdfPage``.
        report: counts characters without a code (U+FFFD in the words) and words beyond the page's edge.
    """
    with closing(page.get_textpage()) as text:
        words = list(_words(text, report))
    left, bottom, right, top = page.get_bbox()
    boxes = _shown(as_boxes([_around(word.boxes) for word in words]), (left, bottom, right, top), page.get_rotation())
    wide, high = page.get_size()
    boxes *= _unit(right - left, top - bottom, wide, high, page.get_rotation())
    inside = (boxes[:, 0] < wide) & (boxes[:, 1] < high) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    report.refuse("words beyond the page's edge", int((~inside).sum()), one="word beyond the page's edge")
    return [word.text for word, kept in zip(words, inside, strict=True) if kept], boxes[inside]


def _words(text: Any, report: Report) -> Iterator[_Word]:
    word = _Word()
    for character, box in _characters(text):
        if character == LINE_END_HYPHEN:
            word.text += "-"
            word.boxes.append(box)
        elif not character.isspace():
            report.note("characters without a code", character == NO_CODE, one="character without a code")
            word.text += character
            word.boxes.append(box)
            continue
        if word.text:
            yield word
        word = _Word()
    if word.text:
        yield word


def _characters(text: Any) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Each character with its box: left, bottom, right, top in points of the unturned page."""
    from pypdfium2 import raw

    box = raw.FS_RECTF()
    high_half = 0
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        if 0xD800 <= code < 0xDC00:  # the other half comes next
            high_half = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + (high_half - 0xD800 << 10) + (code - 0xDC00) if high_half else 0
        high_half = 0
        character = chr(code) if 0 < code <= 0x10FFFF else NO_CODE
        if not character.isspace() and not raw.FPDFText_GetLooseCharBox(text, index, ctypes.byref(box)):
            continue
        yield character, (box.left, min(box.bottom, box.top), box.right, max(box.bottom, box.top))


def _around(boxes: list[tuple[float, float, float, float]]) -> list[float]:
    corners = np.array(boxes)
    return [*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)]


def _shown(boxes: Boxes, frame: tuple[float, float, float, float], rotation: int) -> Boxes:
    """Boxes ``left, bottom, right, top`` as ``x0, y0, x1, y1`` of the shown page, turned clockwise by ``rotation``."""
    left, bottom, right, top = frame
    x0, y0, x1, y1 = boxes.T
    sides = {
        0: (x0 - left, top - y1, x1 - left, top - y0),
        90: (y0 - bottom, x0 - left, y1 - bottom, x1 - left),
        180: (right - x1, y0 - bottom, right - x0, y1 - bottom),
        270: (top - y1, right - x1, top - y0, right - x0),
    }
    return np.stack(sides[rotation % 360], axis=1)


def _unit(wide: float, high: float, shown_wide: float, shown_high: float, rotation: int) -> list[float]:
    """What the shown page is larger by than its frame, should the file say that its unit is not a point."""
    if rotation % 180:
        wide, high = high, wide
    return [shown_wide / wide, shown_high / high] * 2
