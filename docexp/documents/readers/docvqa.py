"""DocVQA: questions about single pages of scanned industry documents (SP-DocVQA, task 1).

Source: Mathew, Karatzas, Jawahar, "DocVQA: A Dataset for VQA on Document Images", WACV 2021. Two layouts are read:
``{train,val,test}/`` with ``{split}_v1.0.json``, ``documents`` and ``ocr_results``, and the later download with
``spdocvqa_qas/{split}_v1.0_withQT.json`` (question types), ``spdocvqa_images`` and ``spdocvqa_ocr``, whose names come
from public loaders (unverified). The words are those of Microsoft's Read service, in the dataset's own OCR files.

A page carries all questions about its image; ``val`` becomes ``validation``. The test split's answers are hidden.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from docexp.documents.page import Page
from docexp.documents.readers.boxes import Cut
from docexp.documents.readers.files import check_keys, plain_name
from docexp.documents.readers.ms_read import read_ms_read
from docexp.documents.readers.question_pages import MissingOcr, QuestionUnit, first_file, question_page
from docexp.documents.readers.questions import QuestionFiles
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError

SPLITS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(kw_only=True)
class DocVqaReader(Reader):
    """Reads DocVQA from the folder of ``train``, ``val`` and ``test``, or of ``spdocvqa_qas``."""

    name: ClassVar[str] = "docvqa"
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
        questions = QuestionFiles("image", ("question_types",), report)
        folders: dict[str, Path] = {}
        for split, file in _question_files(root):
            questions.add(SPLITS[split], file, hidden=split == "test")
            folders[SPLITS[split]] = file.parent
        for asked in questions:
            name, folder = plain_name(PurePosixPath(asked.image).name, asked.where), folders[asked.split]
            yield QuestionUnit(
                asked,
                first_file(name, folder / "documents", root / "spdocvqa_images", root / "documents"),
                first_file(f"{Path(name).stem}.json", *_ocr_folders(folder, root)),
            )

    def read(self, unit: QuestionUnit, report: Report) -> Iterator[tuple[str, Page]]:
        """One page. Its document is the archive's (``ucsf_document_id``), its number the archive's page number."""
        record, where = unit.asked.record, unit.asked.where
        check_keys(record, {"ucsf_document_id": str, "ucsf_document_page_no": (str, int)}, where)
        number = str(record["ucsf_document_page_no"])
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise DocexpError(f'{where}: "ucsf_document_page_no" {number[:40]!r} is no page number.')
        page = question_page(
            unit,
            read_ms_read,
            report,
            repair=self.repair,
            missing_ocr=self.missing_ocr,
            document_id=record["ucsf_document_id"],
            number=int(number),
        )
        yield unit.asked.split, page


def _question_files(root: Path) -> list[tuple[str, Path]]:
    found = []
    for split in SPLITS:
        for folder in (root / "spdocvqa_qas", root / split, root):
            names = (f"{split}_v1.0_withQT.json", f"{split}_v1.0.json")
            present = [folder / name for name in names if (folder / name).is_file()]
            if present:
                found.append((split, present[0]))
                break
    if not found:
        raise DocexpError(
            f"{root}: no DocVQA here. Expected val/val_v1.0.json, or spdocvqa_qas/val_v1.0_withQT.json, and the like."
        )
    return found


def _ocr_folders(folder: Path, root: Path) -> tuple[Path, ...]:
    folders = (folder / "ocr_results", root / "spdocvqa_ocr", root / "ocr_results")
    return tuple(sorted(folders, key=lambda folder: not folder.is_dir()))
