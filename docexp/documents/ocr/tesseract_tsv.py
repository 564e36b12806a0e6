"""Tesseract's tsv output (``tesseract page.png page tsv``).

Source: the header that Tesseract 4 and 5 write (``TessBaseAPI::GetTSVText``); level 1 is a page, level 5 a word, boxes
are left, top, width, height in pixels of the image that Tesseract saw.
"""

from typing import Any

from docexp.documents.ocr.formats import OcrFormat, OcrText
from docexp.documents.ocr.values import box_array, corners, number, scaled
from docexp.errors import DocexpError

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
_PAGE, _WORD = 1, 5
_Row = tuple[list[float], str]


def _recognises(data: Any) -> bool:
    return isinstance(data, str) and data.startswith(HEADER[:30])


def _pages(data: str, where: str) -> list[list[_Row]]:
    lines = data.replace("\r\n", "\n").split("\n")
    if lines[0] != HEADER:
        raise DocexpError(f"{where}: the first line is not the header of Tesseract's tsv: {lines[0][:60]!r}.")
    pages: dict[float, list[_Row]] = {}
    for place, line in enumerate(lines[1:], start=2):
        cells = line.split("\t", 11)
        if line == "":
            continue
        if len(cells) < 11:
            raise DocexpError(f"{where}, line {place}: {len(cells)} columns instead of 12.")
        values = [number(cell, f"{where}, line {place}") for cell in cells[:11]]
        pages.setdefault(values[1], []).append((values, cells[11] if len(cells) == 12 else ""))
    return [pages[name] for name in sorted(pages)]


def _read(page: list[_Row], width: float, height: float, where: str) -> OcrText:
    seen = next(((row[8], row[9]) for row, _ in page if row[0] == _PAGE), None)
    words = [(row, text) for row, text in page if row[0] == _WORD]
    lines: dict[tuple[float, ...], list[int]] = {}
    for index, (row, _) in enumerate(words):
        lines.setdefault(tuple(row[2:5]), []).append(index)
    boxes = corners(box_array([row[6:10] for row, _ in words], len(words), where))
    return OcrText(
        tuple(text for _, text in words),
        scaled(boxes, seen, width, height, where),
        tuple(map(tuple, lines.values())),
    )


FORMAT = OcrFormat("Tesseract's tsv", _recognises, _pages, _read)
