"""A page with questions, from its image and the file of its OCR."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from docexp.documents.page import Page
from docexp.documents.readers.boxes import BoxRules, Cut
from docexp.documents.readers.files import read_json
from docexp.documents.readers.ocr_text import OcrText
from docexp.documents.readers.pictures import picture
from docexp.documents.readers.questions import Asked
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

MissingOcr = Literal["error", "empty"]
"""Where a page's OCR file is missing: ``error`` stops, ``empty`` keeps the page without words (counted)."""


@dataclass(frozen=True)
class QuestionUnit:
    """An image with its questions, and where its files should lie."""

    asked: Asked
    image: Path
    ocr: Path


def first_file(name: str, *folders: Path) -> Path:
    """The file in the first folder that has it; where none has, its place in the first."""
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)


def question_page(
    unit: QuestionUnit,
    read_ocr: Callable[[Any, BoxRules, str], OcrText],
    report: Report,
    *,
    repair: Cut,
    missing_ocr: MissingOcr,
    document_id: str = "",
    number: int = 0,
) -> Page:
    """The page of a unit; its id is the image's name without suffix.

    Args:
        unit: what to read.
        read_ocr: understands the OCR file's json; called with it, the rules for boxes, and its place for errors.
        report: counts pages without OCR.
        repair: what to do with words that reach beyond the image.
        missing_ocr: what to do without an OCR file.
        document_id: the document that the page is of.
        number: the page's number in it.

    Raises:
        DocexpError: a file is missing or damaged, or a box cannot be on the page.
    """
    image = picture(unit.image, report)
    rules = BoxRules(image.width, image.height, repair, report)
    if unit.ocr.is_file():
        text = read_ocr(read_json(unit.ocr), rules, str(unit.ocr))
    elif missing_ocr == "empty":
        report.note("pages without OCR, so without words", one="page without OCR, so without words")
        text = OcrText()
    else:
        raise DocexpError(
            f"{unit.ocr} is missing, and with it the words of the page. Unpack the OCR files too, or set "
            "data.reader.missing_ocr=empty to keep such pages without words (counted)."
        )
    report.note("empty words", sum(not word.strip() for word in text.words), one="empty word")
    return Page(
        id=unit.image.stem,
        width=image.width,
        height=image.height,
        words=tuple(text.words),
        word_boxes=text.boxes,
        document_id=document_id,
        number=number,
        image=image.data,
        image_format=image.format,
        lines=tuple(text.lines),
        questions=tuple(unit.asked.questions),
    )
