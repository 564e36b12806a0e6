"""ALTO xml: pages with text lines of strings.

Source: the ALTO schema, versions 2 to 4, https://www.loc.gov/standards/alto/ (``HPOS``, ``VPOS``, ``WIDTH``,
``HEIGHT`` in the unit that ``MeasurementUnit`` names, of a page of ``WIDTH × HEIGHT`` in the same unit).
"""

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, corners, number, scaled
from docexp.errors import DocexpError

_PLACE = ("HPOS", "VPOS", "WIDTH", "HEIGHT")


@dataclass
class _Page:
    unit: str
    size: tuple[str | None, str | None]
    words: list[str] = field(default_factory=list)
    places: list[list[str | None]] = field(default_factory=list)
    lines: list[list[int]] = field(default_factory=list)


class _Alto:
    """Gathers pages from the parser's events."""

    def __init__(self) -> None:
        self.pages: list[_Page] = []
        self._unit, self._in_unit = "", False

    def start(self, name: str, values: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        self._in_unit = kind == "MeasurementUnit"
        if kind == "Page":
            self.pages.append(_Page(self._unit.strip(), (values.get("WIDTH"), values.get("HEIGHT"))))
        elif self.pages:
            self._inside(self.pages[-1], kind, values)

    def end(self, name: str) -> None:
        self._in_unit = False

    def text(self, data: str) -> None:
        if self._in_unit:
            self._unit += data

    def _inside(self, page: _Page, kind: str, values: dict[str, str]) -> None:
        if kind == "TextLine":
            page.lines.append([])
        elif kind == "String":
            if page.lines:
                page.lines[-1].append(len(page.words))
            page.words.append(values.get("CONTENT", ""))
            page.places.append([values.get(key) for key in _PLACE])
        elif kind == "HYP" and page.lines and page.lines[-1]:  # the hyphen is printed behind the line's last word
            page.words[-1] += values.get("CONTENT", "")


def parse_xml(text: str, handler: Any, where: str) -> None:
    """Feeds an xml text to ``handler.start(name, attributes)``, ``.end(name)`` and ``.text(data)``.

    Raises:
        DocexpError: it is not well-formed, or declares entities of its own (they can grow without bound).
    """

    def refuse(*_: Any) -> None:
        raise DocexpError(f"{where}: declares xml entities, which are not read. Take them out.")

    parser = expat.ParserCreate("UTF-8")  # whatever the file declares: it is text by now
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.CharacterDataHandler = handler.text
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise DocexpError(f"{where}: damaged xml ({error}).") from None


def _recognises(data: Any) -> bool:
    return isinstance(data, str) and ("<alto" in data[:5000] or ":alto" in data[:5000])


def _pages(data: str, where: str) -> list[_Page]:
    handler = _Alto()
    parse_xml(data, handler, where)
    if not handler.pages:
        raise DocexpError(f"{where}: ALTO without a Page.")
    return handler.pages


def _read(page: _Page, width: float, height: float, where: str) -> OcrText:
    rows = [
        [
            number(value, f"{where}, word {place} {page.words[place]!r}: {key}")
            for key, value in zip(_PLACE, row, strict=True)
        ]
        for place, row in enumerate(page.places)
    ]
    boxes = corners(box_array(rows, len(rows), where))
    lines = tuple(map(tuple, page.lines)) if page.lines else None
    return OcrText(tuple(page.words), scaled(boxes, _size(page, where), width, height, where), lines)


def _size(page: _Page, where: str) -> tuple[float, float] | None:
    wide, high = page.size
    if wide is not None and high is not None:
        return number(wide, where), number(high, where)
    if page.unit not in ("", "pixel"):
        raise DocexpError(f"{where}: boxes in {page.unit}, but its Page has no WIDTH and HEIGHT to go by.")
    return None


FORMAT = OcrFormat("ALTO xml", _recognises, _pages, _read)
