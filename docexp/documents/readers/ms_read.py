"""Results of Microsoft's Read service, version 2, as DocVQA's OCR files hold them.

Source: the service's documentation ("recognitionResults", a list of pages with lines of words, each with a bounding box
of eight numbers, clockwise from the top left). No such file of DocVQA was at hand: that its files hold nothing else is
unverified.
"""

from typing import Any

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.readers.boxes import BoxRules
from docexp.documents.readers.files import check_keys
from docexp.documents.readers.ocr_text import OcrText, scaled
from docexp.errors import DocexpError

LARGEST = 1e6
"""No page has so many pixels or inches on a side."""


def read_ms_read(record: Any, rules: BoxRules, where: str) -> OcrText:
    """The words, boxes and lines of a result of one page, on a page of ``rules.width × rules.height`` pixels.

    Where the engine saw the page at another size, boxes are scaled and the page is noted in ``rules.report``. Words
    without text stay, as blank words.

    Raises:
        DocexpError: no result of the service, or a box that cannot be on the page; ``where`` comes first.
    """
    page = _only_page(record, where)
    frame, size = (page["width"], page["height"]), (rules.width, rules.height)
    rules.report.note("pages whose OCR saw another size", int(frame != size), one="page whose OCR saw another size")
    words: list[str] = []
    boxes: list[Boxes] = []
    lines: list[tuple[int, ...]] = []
    for number, line in enumerate(page["lines"]):
        check_keys(line, {"words": list}, f"{where}, line {number}")
        first = len(words)
        for order, word in enumerate(line["words"]):
            place = f"{where}, line {number}, word {order}"
            check_keys(word, {"text": str, "boundingBox": list}, place)
            words.append(word["text"])
            boxes.append(rules.quad(scaled(word["boundingBox"], frame, size), f'{place} "{word["text"]}"'))
        lines.append(tuple(range(first, len(words))))
    return OcrText(words, as_boxes(boxes), lines)


def _only_page(record: Any, where: str) -> dict[str, Any]:
    check_keys(record, {"recognitionResults": list}, where)
    pages = record["recognitionResults"]
    if len(pages) != 1:
        raise DocexpError(f"{where}: the OCR of {len(pages)} pages, not of one.")
    check_keys(pages[0], {"width": (int, float), "height": (int, float), "lines": list}, f"{where}, page 0")
    if not all(0 < pages[0][side] < LARGEST for side in ("width", "height")):
        raise DocexpError(f"{where}: a page of {pages[0]['width']} × {pages[0]['height']} is none.")
    return pages[0]
