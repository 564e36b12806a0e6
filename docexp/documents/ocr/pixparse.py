"""The json of the pixparse corpora (IDL, PDFA): pages with texts and boxes in shares of the page.

Two forms, both with ``bbox`` as left, top, width, height: IDL's pages hold lines, ``{"text", "bbox", "poly",
"score"}``; PDFA's hold ``{"words": {"text", "bbox", "line_pos"}, "lines": {…}}``, where ``line_pos`` is a word's line
and its place on it.
Source: huggingface/chug, src/chug/doc/doc_read_processor.py (the two forms), the dataset cards of pixparse/idl-wds and
pixparse/pdfa-eng-wds (keys; values of a few records). Unverified on whole tars: ``line_pos``.
"""

from typing import Any

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, corners, relative
from docexp.errors import DocexpError


def _recognises(data: Any) -> bool:
    pages = data.get("pages") if isinstance(data, dict) else None
    return (
        isinstance(pages, list) and bool(pages) and isinstance(pages[0], dict) and (_flat(pages[0]) or _deep(pages[0]))
    )


def _pages(data: Any, where: str) -> list[Any]:
    return data["pages"]


def _read(page: Any, width: float, height: float, where: str) -> OcrText:
    if not isinstance(page, dict) or not (_flat(page) or _deep(page)):
        raise DocexpError(f'{where}: neither "text" and "bbox" nor "words" with both.')
    part = page if _flat(page) else page["words"]
    texts = part["text"]
    if not all(isinstance(text, str) for text in texts):
        raise DocexpError(f'{where}: "text" holds what is no text.')
    boxes = corners(box_array(part["bbox"], len(texts), f'{where}: "bbox"'))
    lines = tuple((i,) for i in range(len(texts))) if _flat(page) else _lines(part.get("line_pos"), len(texts), where)
    return OcrText(tuple(texts), relative(boxes, width, height, where), lines)


def _flat(page: dict[str, Any]) -> bool:
    return isinstance(page.get("text"), list) and isinstance(page.get("bbox"), list)


def _deep(page: dict[str, Any]) -> bool:
    words = page.get("words")
    return isinstance(words, dict) and _flat(words)


def _lines(places: Any, count: int, where: str) -> tuple[tuple[int, ...], ...] | None:
    if places is None:
        return None
    if not isinstance(places, list) or len(places) != count or not all(map(_pair, places)):
        raise DocexpError(f'{where}: "line_pos" is not a line and a place on it for each of {count} words.')
    lines: dict[int, list[tuple[int, int]]] = {}
    for word, (line, place) in enumerate(places):
        lines.setdefault(line, []).append((place, word))
    return tuple(tuple(word for _, word in sorted(lines[line])) for line in sorted(lines))


def _pair(place: Any) -> bool:
    return isinstance(place, list) and len(place) == 2 and all(type(value) is int for value in place)


FORMAT = OcrFormat("pixparse's json (IDL, PDFA)", _recognises, _pages, _read)
