"""InfographicVQA: questions about infographics (DocVQA's task 3).

Source: Mathew et al., "InfographicVQA", WACV 2022, and the names that public loaders read: question files
``infographicsVQA_{train,val,test}_v1.0[_withQT].json`` (also spelt ``infographicVQA_``) in ``infographicsvqa_qas``,
images in ``infographicsvqa_images``, Amazon Textract's results in ``infographicsvqa_ocr``. No file of the dataset was
at hand: all of it is unverified. ``val`` becomes ``validation``; the test split's answers are hidden.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from docexp.documents.page import Page
from docexp.documents.readers.boxes import Cut
from docexp.documents.readers.files import check_keys, plain_name
from docexp.documents.readers.question_pages import MissingOcr, QuestionUnit, question_page
from docexp.documents.readers.questions import QuestionFiles
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.readers.textract import read_textract
from docexp.errors import DocexpError

STEMS = ("infographicsVQA", "infographicVQA")
SPLITS = {"train": "train", "val": "validation", "test": "test"}
KINDS = ("answer_type", "evidence", "operation/reasoning")
"""The keys that say what kind of question it is."""


@dataclass(kw_only=True)
class InfographicVqaReader(Reader):
    """Reads InfographicVQA from the folder of ``infographicsvqa_qas``, ``…_images`` and ``…_ocr``."""

    name: ClassVar[str] = "infographicvqa"
    licence: ClassVar[str] = "unstated by its authors"

    repair: Cut = "clip"
    """What to do with words that the OCR engine put partly beyond the image: ``clip`` cuts them at its border
    (counted), ``none`` refuses them."""
    missing_ocr: MissingOcr = "error"
    """Where a page's OCR file is missing: ``error`` stops, ``empty`` keeps the page without words (counted)."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Questions."""
        return {"questions": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[QuestionUnit]:
        """The images in the order of their first questions, train, then validation, then test."""
        root = self.folder(source)
        questions = QuestionFiles("image_local_name", KINDS, report)
        for split, file in _question_files(root):
            questions.add(SPLITS[split], file, hidden=split == "test")
        for asked in questions:
            check_keys(asked.record, {"ocr_output_file": str}, asked.where)
            image = plain_name(asked.image, asked.where)
            ocr = plain_name(asked.record["ocr_output_file"], asked.where)
            yield QuestionUnit(asked, root / "infographicsvqa_images" / image, root / "infographicsvqa_ocr" / ocr)

    def read(self, unit: QuestionUnit, report: Report) -> Iterator[tuple[str, Page]]:
        """One infographic."""
        page = question_page(unit, read_textract, report, repair=self.repair, missing_ocr=self.missing_ocr)
        yield unit.asked.split, page


def _question_files(root: Path) -> list[tuple[str, Path]]:
    found = []
    for split in SPLITS:
        names = [f"{stem}_{split}_v1.0{end}" for end in ("_withQT.json", ".json") for stem in STEMS]
        present = [root / "infographicsvqa_qas" / name for name in names]
        found += [(split, file) for file in present if file.is_file()][:1]
    if not found:
        raise DocexpError(
            f"{root}: no InfographicVQA here. Expected infographicsvqa_qas/infographicsVQA_val_v1.0_withQT.json "
            "and the like."
        )
    return found
