"""Results of Microsoft's Read service, version 2, as DocVQA's OCR files hold them.

Source: the service's documentation ("recognitionResults", a list of pages with lines of words, each with a bounding box
of eight numbers, clockwise from the top left, in the page's ``unit``). No such file of DocVQA was at hand: that its
files hold nothing else is unverified.
"""

from typing import Any

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, number, scaled
from docexp.documents.reading.files import check_keys
from docexp.errors import DocexpError


def _recognises(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("recognitionResults"), list)


def _pages(data: Any, where: str) -> list[Any]:
    if not data["recognitionResults"]:
        raise DocexpError(f'{where}: "recognitionResults" holds no page.')
    return data["recognitionResults"]


def _read(page: Any, width: float, height: float, where: str) -> OcrText:
    check_keys(page, {"width": (int, float), "height": (int, float), "lines": list}, where)
    seen = number(page["width"], f"{where}: width"), number(page["height"], f"{where}: height")
    words: list[str] = []
    rows: list[list[float]] = []
    lines: list[tuple[int, ...]] = []
    for place, line in enumerate(page["lines"]):
        check_keys(line, {"words": list}, f"{where}, line {place}")
        first = len(words)
        for order, word in enumerate(line["words"]):
            check_keys(word, {"text": str, "boundingBox": list}, f"{where}, line {place}, word {order}")
            words.append(word["text"])
            rows.append(_around(word["boundingBox"], f'{where}, line {place}, word {order} "{word["text"]}"'))
        lines.append(tuple(range(first, len(words))))
    boxes = scaled(box_array(rows, len(rows), where), seen, width, height, where)
    return OcrText(tuple(words), boxes, tuple(lines), seen if page.get("unit", "pixel") == "pixel" else None)


def _around(points: list[Any], where: str) -> list[float]:
    """The box around four points, ``x1, y1, … x4, y4``."""
    values = [number(value, where) for value in points]
    if len(values) != 8:
        raise DocexpError(f"{where}: its boundingBox has {len(values)} numbers, not eight.")
    return [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]


FORMAT = OcrFormat("Microsoft Read's json", _recognises, _pages, _read)
