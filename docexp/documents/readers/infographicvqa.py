"""InfographicVQA: questions about infographics (DocVQA's task 3).

Source: Mathew et al., "InfographicVQA", WACV 2022, and the names that public loaders read: question files
``infographicsVQA_{train,val,test}_v1.0[_withQT].json`` (also spelt ``infographicVQA_``) in ``infographicsvqa_qas``,
images in ``infographicsvqa_images``, Amazon Textract's results in ``infographicsvqa_ocr``. No file of the dataset was
at hand: all of it is unverified. ``val`` becomes ``validation``; the test split's answers are hidden.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from docexp.documents.readers.reader import Report
from docexp.documents.reading.files import check_keys, inside
from docexp.documents.reading.question_reader import QuestionReader, QuestionUnit
from docexp.documents.reading.questions import QuestionFiles
from docexp.documents.reading.splits import WITH_VAL
from docexp.errors import DocexpError

STEMS = ("infographicsVQA", "infographicVQA")
KINDS = ("answer_type", "evidence", "operation/reasoning")
"""The keys that say what kind of question it is."""


@dataclass(kw_only=True)
class InfographicVqaReader(QuestionReader):
    """Reads InfographicVQA from the folder of ``infographicsvqa_qas``, ``…_images`` and ``…_ocr``."""

    name: ClassVar[str] = "infographicvqa"
    licence: ClassVar[str] = "unstated by its authors"

    def units(self, source: Path | None, report: Report) -> Iterator[QuestionUnit]:
        """The images in the order of their first questions, train, then validation, then test."""
        root = self.folder(source)
        questions = QuestionFiles("image_local_name", KINDS, report)
        for split, file in _question_files(root):
            questions.add_file(WITH_VAL[split], file)
        for asked in questions:
            check_keys(asked.record, {"ocr_output_file": str}, asked.where)
            image = inside(root / "infographicsvqa_images", asked.image, asked.where)
            ocr = inside(root / "infographicsvqa_ocr", asked.record["ocr_output_file"], asked.where)
            yield QuestionUnit(asked, image, ocr)


def _question_files(root: Path) -> list[tuple[str, Path]]:
    found = []
    for split in WITH_VAL:
        names = [f"{stem}_{split}_v1.0{end}" for end in ("_withQT.json", ".json") for stem in STEMS]
        present = [root / "infographicsvqa_qas" / name for name in names]
        found += [(split, file) for file in present if file.is_file()][:1]
    if not found:
        raise DocexpError(
            f"{root}: no InfographicVQA here. Expected infographicsvqa_qas/infographicsVQA_val_v1.0_withQT.json "
            "and the like."
        )
    return found
