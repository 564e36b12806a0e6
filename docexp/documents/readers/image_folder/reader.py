"""A folder of page images with the files of an OCR engine that has read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from docexp.documents.page import Page
from docexp.documents.readers.image_folder.tree import Document, Grouping, Tree
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, RepairSettings
from docexp.documents.reading.faults import LeaveOut, document_pages
from docexp.documents.reading.files import read_bytes
from docexp.documents.reading.frames import frames
from docexp.documents.reading.ocr_files import ocr_file
from docexp.documents.reading.ocr_words import WithoutOcr, said_text
from docexp.documents.reading.pages import text_page
from docexp.errors import DocexpError
from docexp.settings import Folder


@dataclass(kw_only=True)
class ImageFolderReader(RepairSettings, Reader):
    """Reads every image below a folder; a TIFF of several pages gives a page for each.

    The OCR of ``scan.png`` is looked for in ``scan.json``, ``.hocr``, ``.html``, ``.xml``, ``.tsv``, or with an
    engine's name, as in ``scan.tesseract.tsv``; that of a document of several images also under the document's name,
    all pages in one file. What kind of file it is, its contents tell (``docexp.documents.ocr``).
    """

    name: ClassVar[str] = "image folder"
    licence: ClassVar[str] = "not stated"

    split: Literal["train", "validation", "test", "folders"] = "train"
    """The split of all pages; ``folders`` takes it from folders named train, validation (val, dev) or test."""
    document: Grouping = "image"
    """Which images are one document: each its own (``image``), those of one folder with one ``name`` but for a page
    number at its end (``ffbg0227_2``, ``scan-003``), or all of a ``folder``."""
    engine: str = ""
    """Of OCR files with an engine's name (``scan.NAME.json``), which are read; empty where there is only one."""
    ocr_folder: Folder | None = None
    """Where the OCR files lie when not beside the images: a folder with the same folders below it."""
    without_ocr: WithoutOcr = "error"
    """A page without OCR: ``error`` stops, ``keep`` makes a page without words, ``leave_out`` makes none (counted)."""
    faults: LeaveOut = "error"
    """``error`` stops at the first document with a fault, ``leave_out`` leaves such documents out whole (counted)."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """None: words only."""
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[Document]:
        """The documents, folder by folder."""
        yield from self.tree(self.folder(source)).documents(report)

    def read(self, unit: Document, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of one document."""
        yield from document_pages(lambda own: self._document(unit, own), self.faults, report)

    def _document(self, unit: Document, report: Report) -> Iterator[tuple[str, Page]]:
        whole = ocr_file(unit.whole) if unit.whole else None
        number = 0
        for file, ocr in zip(unit.images, unit.ocr, strict=True):
            stem = file.relative_to(unit.root).with_suffix("").as_posix()
            pictures = list(frames(read_bytes(file), str(file), report))
            own = ocr_file(ocr, len(pictures)) if ocr else None
            for frame, picture in enumerate(pictures):
                page_id = stem if len(pictures) == 1 else f"{stem}#{frame + 1}"
                said = own.page(frame) if own else whole.page(number) if whole else None
                rules = BoxRules(picture.width, picture.height, self.repair, report)
                text = said_text(said, rules, self.without_ocr, page_id, "no OCR file was found")
                if text:
                    yield unit.split, text_page(picture, page_id, unit.id, number, text)
                number += 1
        if whole and whole.count not in (None, number):
            raise DocexpError(f"{unit.whole}: OCR pages: {whole.count}, pages of {unit.id}: {number}.")

    def tree(self, root: Path) -> Tree:
        """The tree below ``root``, as the settings read it."""
        ocr_folder = Path(self.ocr_folder).expanduser() if self.ocr_folder else None
        if ocr_folder and not ocr_folder.is_dir():
            raise DocexpError(f"data.reader.ocr_folder={ocr_folder} is no folder.")
        return Tree(root, self.split, self.document, self.engine, ocr_folder)
