"""Plain json: a list of words and a list of boxes ``x0, y0, x1, y1``, under the names that people give them.

``width`` and ``height`` beside them say of what page; without, boxes are in pixels of the image. Several pages stand in
a list, or in a list under ``pages``. A page's json member in docexp's own shards is of this form.
"""

from typing import Any

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, number, scaled
from docexp.errors import DocexpError

WORDS = ("words", "tokens")
BOXES = ("word_boxes", "boxes", "bboxes", "bbox")


def _recognises(data: Any) -> bool:
    first = _listed(data)[:1]
    return bool(first) and _key(first[0], WORDS) is not None and _key(first[0], BOXES) is not None


def _pages(data: Any, where: str) -> list[Any]:
    return _listed(data)


def _read(page: Any, width: float, height: float, where: str) -> OcrText:
    words, boxes = _key(page, WORDS), _key(page, BOXES)
    if words is None or boxes is None:
        raise DocexpError(f"{where}: no lists of words ({', '.join(WORDS)}) and boxes ({', '.join(BOXES)}).")
    texts = page[words]
    wrong = [text for text in texts if not isinstance(text, str)]
    if wrong:
        raise DocexpError(f'{where}: "{words}" holds {str(wrong[0])[:40]!r}, which is no text.')
    seen = None
    if "width" in page and "height" in page:
        seen = (number(page["width"], f"{where}: width"), number(page["height"], f"{where}: height"))
    found = box_array(page[boxes], len(texts), f'{where}: "{boxes}"')
    return OcrText(
        tuple(texts), scaled(found, seen, width, height, where), _lines(page.get("lines"), len(texts), where)
    )


def _listed(data: Any) -> list[Any]:
    if isinstance(data, dict) and isinstance(data.get("pages"), list):
        return data["pages"]
    return data if isinstance(data, list) else [data]


def _key(page: Any, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if isinstance(page, dict) and isinstance(page.get(name), list)), None)


def _lines(value: Any, count: int, where: str) -> tuple[tuple[int, ...], ...] | None:
    if value is None:
        return None
    rows = value if isinstance(value, list) else [value]
    indices = [index for row in rows for index in (row if isinstance(row, list) else [row])]
    if not all(isinstance(row, list) for row in rows) or not all(type(i) is int and 0 <= i < count for i in indices):
        raise DocexpError(f'{where}: "lines" are not lists of places in its {count} words.')
    if len(set(indices)) != len(indices):
        raise DocexpError(f'{where}: "lines" name a word twice.')
    return tuple(map(tuple, rows))


FORMAT = OcrFormat("lists of words and boxes", _recognises, _pages, _read)
