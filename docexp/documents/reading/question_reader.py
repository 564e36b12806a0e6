"""Readers of questions about page images: what DocVQA's and InfographicVQA's have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Cut
from docexp.documents.reading.faults import LeaveOut
from docexp.documents.reading.ocr_files import ocr_file
from docexp.documents.reading.ocr_words import WithoutOcr, said_text
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import Picture, left_out, picture
from docexp.documents.reading.questions import Asked


@dataclass(frozen=True)
class QuestionUnit:
    """An image with its questions, where its files should lie, and which page of which document it is."""

    asked: Asked
    image: Path
    ocr: Path
    document_id: str = ""
    number: int = 0


@dataclass(kw_only=True)
class QuestionReader(Reader):
    """Makes a page of each image and of what is asked about it; its id is the image's name without suffix."""

    repair: Cut = "clip"
    """What to do with words that the OCR engine put partly beyond the image: ``clip`` cuts them at its border
    (counted), ``none`` refuses them."""
    without_ocr: WithoutOcr = "error"
    """A page without OCR: ``error`` stops, ``keep`` makes a page without words, ``leave_out`` makes none (counted)."""
    missing_images: LeaveOut = "error"
    """Where an image is missing: ``error`` stops, ``leave_out`` leaves page and questions out (counted). A page cannot
    be kept without: the annotations do not state its size."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Questions."""
        return {"questions": ()}

    def read(self, unit: Any, report: Report) -> Iterator[tuple[str, Page]]:
        """One page, or none where its image or its OCR is missing and may be."""
        if not left_out(unit.image, self.missing_images, unit.asked.where, report):
            yield from self.asked_page(unit, picture(unit.image, report), report)

    def asked_page(self, unit: QuestionUnit, image: Picture, report: Report) -> Iterator[tuple[str, Page]]:
        """The page of a unit whose image is there; none where its OCR is missing and may be.

        Raises:
            DocexpError: the OCR is missing or damaged, or a box cannot be on the page.
        """
        ocr = ocr_file(unit.ocr, 1).page(0) if unit.ocr.is_file() else None
        rules = BoxRules(image.width, image.height, self.repair, report)
        text = said_text(ocr, rules, self.without_ocr, unit.image.stem, f"its OCR file {unit.ocr} is missing")
        if text:
            document, number, questions = unit.document_id, unit.number, tuple(unit.asked.questions)
            yield unit.asked.split, text_page(image, unit.image.stem, document, number, text, questions=questions)
