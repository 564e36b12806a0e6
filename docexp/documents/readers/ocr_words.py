"""The texts that an OCR engine gave, as the words, boxes and lines of a page."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes, first_fault
from docexp.documents.lines import derived_lines
from docexp.documents.ocr.formats import OcrText
from docexp.documents.page import Page
from docexp.documents.readers.boxes import BoxRules
from docexp.documents.readers.pictures import Picture


class PageText(NamedTuple):
    """What a page takes from its OCR: words, boxes ``[N, 4]`` in page pixels, lines of word indices."""

    words: tuple[str, ...]
    word_boxes: Boxes
    lines: tuple[tuple[int, ...], ...]


def page_text(ocr: OcrText, rules: BoxRules, where: str) -> PageText:
    """The page's words: no blank ones, none with a space inside, every box on the page.

    A text of several words (a line, of an engine that gives only lines) is cut at its spaces; each word gets the part
    of the box that its letters are of the text's. In a text that stands upright, each gets the whole box. Lines that
    the engine did not give are derived from the words. All of it is counted.

    Raises:
        DocexpError: a faulty box that ``rules`` do not repair.
    """
    boxes = _mended(ocr, rules, where)
    words: list[str] = []
    places: list[list[float]] = []
    owners: list[int] = []
    for index, text in enumerate(ocr.words):
        for word, box in _cut(text, boxes[index].tolist()):
            words.append(word)
            places.append(box)
            owners.append(index)
    _count(ocr.words, rules)
    found = as_boxes(places)
    return PageText(tuple(words), found, _lines(ocr, words, found, owners))


def text_page(page_id: str, document: str, number: int, picture: Picture, text: PageText) -> Page:
    """A page of a picture and of what OCR read in it."""
    return Page(
        id=page_id,
        document_id=document,
        number=number,
        width=picture.width,
        height=picture.height,
        words=text.words,
        word_boxes=text.word_boxes,
        lines=text.lines,
        image=picture.data,
        image_format=picture.format,
    )


def _mended(ocr: OcrText, rules: BoxRules, where: str) -> Boxes:
    if first_fault(ocr.boxes, rules.width, rules.height) is None:
        return ocr.boxes
    named = enumerate(zip(ocr.words, ocr.boxes.tolist(), strict=True))
    return np.array([rules.box(box, f"{where}, word {place} {text!r}") for place, (text, box) in named])


def _cut(text: str, box: list[float]) -> Iterator[tuple[str, list[float]]]:
    words = text.split()
    x0, y0, x1, y1 = box
    if len(words) < 2 or y1 - y0 > x1 - x0:
        yield from ((word, box) for word in words)
        return
    stripped = text.strip()
    letter, start = (x1 - x0) / len(stripped), 0
    for word in words:
        first = stripped.index(word, start)
        start = first + len(word)
        yield word, [x0 + letter * first, y0, min(x0 + letter * start, x1), y1]


def _count(texts: tuple[str, ...], rules: BoxRules) -> None:
    blank = sum(not text.strip() for text in texts)
    several = sum(len(text.split()) > 1 for text in texts)
    rules.report.refuse("blank texts of OCR", blank, one="blank text of OCR")
    rules.report.repair(
        "texts of several words cut at their spaces", several, one="text of several words cut at its spaces"
    )


def _lines(ocr: OcrText, words: list[str], boxes: Boxes, owners: list[int]) -> tuple[tuple[int, ...], ...]:
    if ocr.lines is None:
        return derived_lines(words, boxes)
    parts: dict[int, list[int]] = {}
    for word, owner in enumerate(owners):
        parts.setdefault(owner, []).append(word)
    lines = ([word for text in line for word in parts.get(text, [])] for line in ocr.lines)
    return tuple(tuple(line) for line in lines if line)
