"""Results of Amazon Textract: its answers as they are, and as InfographicVQA's OCR files group them.

Source: Textract's API reference ("Block": ``BlockType``, ``Text``, ``Geometry.BoundingBox`` in shares of the page,
``Page`` where there are several, and for a line ``Relationships`` of type ``CHILD`` with the ``Ids`` of its words).
That InfographicVQA's files hold the same blocks under ``PAGE``, ``LINE`` and ``WORD`` is how public loaders read them;
no such file was at hand (unverified).
"""

from typing import Any

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, corners, relative
from docexp.documents.reading.files import check_keys
from docexp.errors import DocexpError

SIDES = ("Left", "Top", "Width", "Height")
KINDS = ("PAGE", "LINE", "WORD")
_Page = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Blocks of a page: words, and lines."""


def _recognises(data: Any) -> bool:
    return isinstance(data, dict) and any(isinstance(data.get(key), list) for key in ("Blocks", "WORD"))


def _pages(data: Any, where: str) -> list[_Page]:
    pages: dict[int, _Page] = {}
    for number, (kind, block) in enumerate(_blocks(data, where)):
        page = block.get("Page", 1)
        if type(page) is not int:
            raise DocexpError(f'{where}, block {number}: "Page" {str(page)[:40]!r} is no number.')
        words, lines = pages.setdefault(page, ([], []))
        if kind == "WORD":
            words.append(block)
        elif kind == "LINE":
            lines.append(block)
    return [pages[page] for page in sorted(pages)] or [([], [])]


def _blocks(data: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    """Every block with its kind."""
    found: list[tuple[str, Any]] = []
    if isinstance(data.get("Blocks"), list):
        for number, block in enumerate(data["Blocks"]):
            check_keys(block, {"BlockType": str}, f"{where}, block {number}")
            found.append((block["BlockType"], block))
    else:
        for kind in KINDS:
            check_keys({kind: data.get(kind, [])}, {kind: list}, where)
            found += [(kind, block) for block in data.get(kind, [])]
            if not all(isinstance(block, dict) for block in data.get(kind, [])):
                raise DocexpError(f'{where}: "{kind}" holds what is no block.')
    return found


def _read(page: _Page, width: float, height: float, where: str) -> OcrText:
    words, rows = [], []
    for number, block in enumerate(page[0]):
        place = f"{where}, word {number}"
        check_keys(block, {"Text": str, "Geometry": dict}, place)
        check_keys(block["Geometry"], {"BoundingBox": dict}, f"{place}, Geometry")
        share = block["Geometry"]["BoundingBox"]
        check_keys(share, dict.fromkeys(SIDES, (int, float)), f"{place}, BoundingBox")
        words.append(block["Text"])
        rows.append([share[side] for side in SIDES])
    boxes = relative(corners(box_array(rows, len(rows), where)), width, height, where)
    return OcrText(tuple(words), boxes, _lines(page, where))


def _lines(page: _Page, where: str) -> tuple[tuple[int, ...], ...] | None:
    """The words of each line block; ``None`` where the lines do not say which are theirs."""
    places = {block["Id"]: number for number, block in enumerate(page[0]) if isinstance(block.get("Id"), str)}
    lines = []
    for number, block in enumerate(page[1]):
        children = []
        for relation in _list(block, "Relationships", f"{where}, line {number}"):
            check_keys(relation, {"Type": str, "Ids": list}, f"{where}, line {number}, relationship")
            children += relation["Ids"] if relation["Type"] == "CHILD" else []
        found = tuple(places[child] for child in children if isinstance(child, str) and child in places)
        if len(set(found)) != len(children):
            raise DocexpError(f"{where}, line {number}: its {len(children)} children are not words of its page.")
        lines.append(found)
    named = [word for line in lines for word in line]
    if len(set(named)) != len(named):
        raise DocexpError(f"{where}: a word is on two lines.")
    return tuple(lines) if named else None


def _list(block: dict[str, Any], key: str, where: str) -> list[Any]:
    if block.get(key) is None:
        return []
    check_keys(block, {key: list}, where)
    return block[key]


FORMAT = OcrFormat("Amazon Textract's json", _recognises, _pages, _read)
