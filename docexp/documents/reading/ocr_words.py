"""The texts that an OCR engine gave, as the words, boxes and lines of a page."""

from collections.abc import Iterator
from typing import Literal

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.lines import derived_lines
from docexp.documents.ocr.formats import OcrText
from docexp.documents.reading.boxes import BoxRules
from docexp.documents.reading.ocr_files import PageOcr
from docexp.documents.reading.pages import PageText
from docexp.errors import DocexpError

WithoutOcr = Literal["error", "keep", "leave_out"]
"""What becomes of a page without OCR: ``error`` stops, ``keep`` makes a page without words (enough for models of images
alone), ``leave_out`` makes none. The last two are counted."""


def said_text(ocr: PageOcr | None, rules: BoxRules, without: WithoutOcr, page_id: str, lack: str) -> PageText | None:
    """The page's words as ``page_text`` has them; no words, or ``None`` for no page, where OCR gave none with places.

    Args:
        ocr: of the page, if there is any.
        rules: for the boxes; its report counts.
        without: what becomes of a page without OCR, or with plain text alone.
        page_id: names the page in errors.
        lack: says what is not there, should there be no OCR.

    Raises:
        DocexpError: damaged OCR, a faulty box, or no OCR where ``without`` is ``error``.
    """
    if ocr and ocr.form:
        return page_text(ocr.form.read(ocr.data, rules.width, rules.height, ocr.where), rules, ocr.where)
    if without == "error":
        what = f"its OCR {ocr.where} is plain text, without places" if ocr else lack
        raise DocexpError(
            f"page {page_id}: {what}. data.reader.without_ocr=keep makes pages without words, leave_out makes none "
            "(counted)."
        )
    kind = "whose OCR has no places" if ocr else "without OCR"
    count = rules.report.note if without == "keep" else rules.report.refuse
    count(f"pages {kind}", one=f"page {kind}")
    return PageText((), as_boxes([]), ()) if without == "keep" else None


def page_text(ocr: OcrText, rules: BoxRules, where: str) -> PageText:
    """The page's words: no blank ones, none with a space inside, every box on the page.

    A text of several words (a line, of an engine that gives only lines) is cut at its spaces; each word gets the part
    of the box that its letters are of the text's. In a text that stands upright, each gets the whole box. Lines that
    the engine did not give are derived from the words. All of it is counted.

    Raises:
        DocexpError: a faulty box that ``rules`` do not repair.
    """
    size = (rules.width, rules.height)
    another = ocr.seen is not None and ocr.seen != size
    rules.report.note("pages whose OCR saw another size", another, one="page whose OCR saw another size")
    boxes = rules.words(ocr.boxes, ocr.words, where)
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
