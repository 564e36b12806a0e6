"""DocVQA as the DUE benchmark passes it on: questions and OCR in two json-lines files a split.

Source: Borchmann et al., "DUE: End-to-End Document Understanding Benchmark", NeurIPS Datasets and Benchmarks 2021;
``{train,dev,test}/document.jsonl`` and ``documents_content.jsonl``. Each document is one page, read by several OCR
engines; token positions are pixels of a frame of the engine's own, which ``structures.pages`` states. Without images
the page has the size of that frame; with them, positions are scaled to the image. ``dev`` becomes ``validation``. All
answers of the test split are "0": they are left out as the hidden answers they stand for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.page import Page, Question
from docexp.documents.readers.docvqa_due.content import Content, content_of, read_content
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Cut
from docexp.documents.reading.files import check_keys, inside
from docexp.documents.reading.json_lines import json_lines
from docexp.documents.reading.ocr_words import page_text
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import Picture, picture
from docexp.errors import DocexpError
from docexp.settings import Folder

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
HIDDEN = "0"


@dataclass(frozen=True)
class Document:
    """A document's questions and the content that one OCR engine found in it."""

    split: str
    where: str
    record: Mapping[str, Any]
    content: Content
    image: Path | None


@dataclass(kw_only=True)
class DocVqaDueReader(Reader):
    """Reads the DUE form of DocVQA from the folder of ``train``, ``dev`` and ``test``."""

    name: ClassVar[str] = "docvqa_due"
    licence: ClassVar[str] = "CC0 1.0, as the DUE benchmark states it"

    ocr: str = "microsoft_cv"
    """The OCR engine whose words to take, by the name the files give it: ``microsoft_cv`` or ``tesseract``."""
    images: Folder = ""
    """A folder with ``<document>.png`` for every document; empty for pages without images."""
    repair: Cut = "clip"
    """What to do with words that the OCR engine put partly beyond the page: ``clip`` cuts them at its border
    (counted), ``none`` refuses them."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Questions."""
        return {"questions": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[Document]:
        """The documents in the order of ``documents_content.jsonl``, train, then validation, then test."""
        root = self.folder(source)
        folders = [root / name for name in SPLITS if (root / name / "document.jsonl").is_file()]
        if not folders:
            raise DocexpError(f"{root}: no DUE dataset here. Expected train/document.jsonl and the like.")
        for folder in folders:
            yield from self._documents(folder, report)

    def read(self, unit: Document, report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        name = unit.record["name"]
        if unit.image:
            image = picture(unit.image, report)
        else:
            image = Picture(None, "png", unit.content.width, unit.content.height)
        rules = BoxRules(image.width, image.height, self.repair, report)
        text = page_text(read_content(unit.content, image.width, image.height), rules, unit.content.where)
        yield unit.split, text_page(image, name, "", 0, text, questions=_questions(unit, report))

    def _documents(self, folder: Path, report: Report) -> Iterator[Document]:
        asked: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for line in json_lines(folder / "document.jsonl"):
            where, record = line.where, line.value()
            check_keys(record, {"name": str, "annotations": list}, where)
            if record["name"] in asked:
                raise DocexpError(f"{where}: document {record['name']} came before: {asked[record['name']][0]}.")
            asked[record["name"]] = where, record
        for line in json_lines(folder / "documents_content.jsonl"):
            where, record = line.where, line.value()
            check_keys(record, {"name": str, "contents": list}, where)
            questions = asked.pop(record["name"], None)
            if questions is None:
                report.refuse("documents without questions", one="document without questions")
                continue
            content = content_of(record["contents"], self.ocr, where)
            image = inside(Path(self.images).expanduser(), f"{record['name']}.png", where) if self.images else None
            yield Document(SPLITS[folder.name], *questions, content, image)
        if asked:
            name, (where, _) = next(iter(asked.items()))
            raise DocexpError(f"{where}: document {name} has no content in documents_content.jsonl. Copy it again.")


def _questions(unit: Document, report: Report) -> tuple[Question, ...]:
    questions = []
    for number, item in enumerate(unit.record["annotations"]):
        where = f"{unit.where}, annotation {number}"
        check_keys(item, {"id": str, "key": str, "values": list}, where)
        answers: list[str] = []
        for value in item["values"]:
            check_keys(value, {"value": str, "value_variants": list}, where)
            variants = value["value_variants"] or [value["value"]]
            if not all(isinstance(variant, str) for variant in variants):
                raise DocexpError(f'{where}: "value_variants" {str(variants)[:80]} is no list of texts.')
            answers += variants
        if unit.split == "test" and set(answers) <= {HIDDEN}:
            report.refuse('answers "0" of the test split', len(answers), one='answer "0" of the test split')
            answers = []
        questions.append(Question(item["id"], item["key"], tuple(dict.fromkeys(answers))))
    return tuple(questions)
