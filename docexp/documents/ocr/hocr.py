"""hOCR: html whose classes and titles say what is a page, a line and a word, and where it lies.

Source: the hOCR 1.2 specification, https://kba.github.io/hocr-spec/1.2/ (``bbox x0 y0 x1 y1`` in pixels of the image).
It is read as html, not as xml: many engines write it loosely, and html has no entities of a file's own.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, number, scaled
from docexp.errors import DocexpError

_LINES = {"ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat"}
"""Classes of lines: the specification's, and those that Tesseract gives to lines it takes for something special."""
_BOX = re.compile(r"(?:^|;)\s*bbox((?:\s+[^\s;]+){4})\s*(?:;|$)")


@dataclass
class _Page:
    title: str
    words: list[tuple[str, str]] = field(default_factory=list)
    """Text and title of each."""
    lines: list[list[int]] = field(default_factory=list)


class _Hocr(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pages: list[_Page] = []
        self._word: tuple[str, str] | None = None
        """Tag and title of the word that is open."""
        self._depth, self._text = 0, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a page, a line or a word."""
        values = {name: value or "" for name, value in attrs}
        classes, title = set(values.get("class", "").split()), values.get("title", "")
        if "ocr_page" in classes:
            self.pages.append(_Page(title))
        elif self.pages and classes & _LINES:
            self.pages[-1].lines.append([])
        elif self.pages and "ocrx_word" in classes:
            self._word, self._depth, self._text = (tag, title), 0, ""
        if self._word and tag == self._word[0]:
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        """Closes a word."""
        if self._word and tag == self._word[0]:
            self._depth -= 1
            if not self._depth:
                page = self.pages[-1]
                if page.lines:
                    page.lines[-1].append(len(page.words))
                page.words.append((self._text.strip(), self._word[1]))
                self._word = None

    def handle_data(self, data: str) -> None:
        """Text of a word, however it is marked up inside."""
        if self._word:
            self._text += data


def _recognises(data: Any) -> bool:
    return isinstance(data, str) and "ocr_page" in data and "<" in data[:1000]


def _pages(data: str, where: str) -> list[_Page]:
    parser = _Hocr()
    try:
        parser.feed(data)
        parser.close()
    except (AssertionError, ValueError) as error:  # a damaged declaration; a reference of thousands of digits
        raise DocexpError(f"{where}: damaged hOCR ({error}).") from None
    if not parser.pages:
        raise DocexpError(f'{where}: hOCR without an element of class "ocr_page".')
    return parser.pages


def _read(page: _Page, width: float, height: float, where: str) -> OcrText:
    around = _box(page.title, where) if "bbox" in page.title else None
    rows = [_box(title, f"{where}, word {place} {text!r}") for place, (text, title) in enumerate(page.words)]
    boxes = box_array(rows, len(rows), where)
    seen = None
    if around is not None:
        seen = (around[2] - around[0], around[3] - around[1])
        boxes = boxes - np.array(around[:2] * 2)
    return OcrText(
        tuple(text for text, _ in page.words),
        scaled(boxes, seen, width, height, where),
        tuple(map(tuple, page.lines)) if page.lines else None,
        seen,
    )


def _box(title: str, where: str) -> list[float]:
    match = _BOX.search(title)
    if match is None:
        raise DocexpError(f'{where}: no "bbox x0 y0 x1 y1" in its title {title[:60]!r}.')
    return [number(value, where) for value in match.group(1).split()]


FORMAT = OcrFormat("hOCR", _recognises, _pages, _read)
