"""DocVQA: questions about single pages of scanned industry documents (SP-DocVQA, task 1).

Source: Mathew, Karatzas, Jawahar, "DocVQA: A Dataset for VQA on Document Images", WACV 2021. Three layouts are read:
``{train,val,test}/`` with ``{split}_v1.0.json``, ``documents`` and ``ocr_results``; the later download with
``spdocvqa_qas/{split}_v1.0_withQT.json`` (question types), ``spdocvqa_images`` and ``spdocvqa_ocr``, whose names come
from public loaders (unverified); and the hub's parquet files (``docvqa.table``). The words are those of Microsoft's
Read service, in the dataset's own OCR files, but any format of ``docexp.documents.ocr`` is read.

A page carries all questions about its image; ``val`` becomes ``validation``. The test split's answers are hidden.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from docexp.documents.page import Page
from docexp.documents.readers.docvqa.table import AskedRows, asked_rows, row_pictures
from docexp.documents.readers.reader import Report
from docexp.documents.reading.files import check_keys, first_file
from docexp.documents.reading.question_reader import QuestionReader, QuestionUnit
from docexp.documents.reading.questions import Asked, QuestionFiles
from docexp.documents.reading.splits import WITH_VAL
from docexp.errors import DocexpError


@dataclass(kw_only=True)
class DocVqaReader(QuestionReader):
    """Reads DocVQA from the folder of ``train``, ``val`` and ``test``, of ``spdocvqa_qas``, or of parquet files.

    Parquet files hold no OCR; its files are looked for in ``spdocvqa_ocr`` beside them.
    """

    name: ClassVar[str] = "docvqa"
    licence: ClassVar[str] = "unstated by its authors"

    def units(self, source: Path | None, report: Report) -> Iterator[QuestionUnit | AskedRows]:
        """The images in the order of their first questions, train, then validation, then test."""
        root = self.folder(source)
        questions = QuestionFiles("image", ("question_types",), report)
        files = _question_files(root)
        if not files:
            yield from asked_rows(root, questions)
            return
        folders: dict[str, Path] = {}
        for split, file in files:
            questions.add_file(WITH_VAL[split], file)
            folders[WITH_VAL[split]] = file.parent
        for asked in questions:
            name, folder = PurePosixPath(asked.image).name, folders[asked.split]
            images = (folder / "documents", root / "spdocvqa_images", root / "documents")
            yield _unit(asked, first_file(name, asked.where, *images), folder, root)

    def read(self, unit: Any, report: Report) -> Iterator[tuple[str, Page]]:
        """One page, or those whose first question is in a block of a parquet file.

        A page's document is the archive's (``ucsf_document_id``), its number the archive's page number.
        """
        if not isinstance(unit, AskedRows):
            yield from super().read(unit, report)
            return
        for asked, image in row_pictures(unit):
            page = _unit(asked, unit.root / f"{asked.image}.png", unit.root, unit.root)
            yield from self.asked_page(page, image, report)


def _unit(asked: Asked, image: Path, folder: Path, root: Path) -> QuestionUnit:
    record = asked.record
    check_keys(record, {"ucsf_document_id": str, "ucsf_document_page_no": (str, int)}, asked.where)
    number = str(record["ucsf_document_page_no"])
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise DocexpError(f'{asked.where}: "ucsf_document_page_no" {number[:40]!r} is no page number.')
    folders = (root / "spdocvqa_ocr", folder / "ocr_results", root / "ocr_results")
    present = sorted(folders, key=lambda folder: not folder.is_dir())
    ocr = first_file(f"{image.stem}.json", asked.where, *present)
    return QuestionUnit(asked, image, ocr, record["ucsf_document_id"], int(number))


def _question_files(root: Path) -> list[tuple[str, Path]]:
    found = []
    for split in WITH_VAL:
        folders = (root / "spdocvqa_qas", root / split, root)
        files = [folder / f"{split}_v1.0{end}.json" for folder in folders for end in ("_withQT", "")]
        found += [(split, file) for file in files if file.is_file()][:1]
    return found
