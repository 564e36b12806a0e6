"""A folder of page images with the files of an OCR engine that has read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from docexp.documents.geometry import as_boxes
from docexp.documents.page import Page
from docexp.documents.readers.boxes import BoxRules, Repair
from docexp.documents.readers.faults import Faults, document_pages
from docexp.documents.readers.files import read_bytes
from docexp.documents.readers.frames import frames
from docexp.documents.readers.image_tree import Document, Grouping, Tree
from docexp.documents.readers.ocr_files import PageOcr, ocr_file
from docexp.documents.readers.ocr_words import PageText, page_text, text_page
from docexp.documents.readers.pictures import Picture
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError
from docexp.settings import Folder

WithoutOcr = Literal["error", "keep", "leave_out"]
"""What becomes of a page without OCR: ``error`` stops, ``keep`` makes a page without words (enough for models of images
alone), ``leave_out`` makes none. The last two are counted."""


@dataclass(kw_only=True)
class ImageFolderReader(Reader):
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
    """A page without OCR: ``error`` stops, ``keep`` makes a page without words, ``leave_out`` makes none."""
    repair: Repair = "none"
    """What to do with faulty boxes: ``none`` refuses them, ``swap`` turns reversed ones round, ``clip`` cuts those
    that reach beyond the page, ``swap+clip`` does both. Repairs are counted."""
    faults: Faults = "error"
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
                text = self._text(page_id, picture, said, report)
                if text:
                    yield unit.split, text_page(page_id, unit.id, number, picture, text)
                number += 1
        if whole and whole.count not in (None, number):
            raise DocexpError(f"{unit.whole}: OCR pages: {whole.count}, pages of {unit.id}: {number}.")

    def tree(self, root: Path) -> Tree:
        """The tree below ``root``, as the settings read it."""
        ocr_folder = Path(self.ocr_folder).expanduser() if self.ocr_folder else None
        if ocr_folder and not ocr_folder.is_dir():
            raise DocexpError(f"data.reader.ocr_folder={ocr_folder} is no folder.")
        return Tree(root, self.split, self.document, self.engine, ocr_folder)

    def _text(self, page_id: str, picture: Picture, ocr: PageOcr | None, report: Report) -> PageText | None:
        """What OCR said; ``None`` if there shall be no page."""
        if ocr and ocr.form:
            rules = BoxRules(picture.width, picture.height, self.repair, report)
            return page_text(ocr.form.read(ocr.data, picture.width, picture.height, ocr.where), rules, ocr.where)
        return PageText((), as_boxes([]), ()) if self._kept_without(page_id, ocr, report) else None

    def _kept_without(self, page_id: str, ocr: PageOcr | None, report: Report) -> bool:
        lack = "whose OCR has no places" if ocr else "without OCR"
        if self.without_ocr == "error":
            what = f"its OCR {ocr.where} is plain text, without places" if ocr else "no OCR file was found"
            raise DocexpError(
                f"page {page_id}: {what}. data.reader.without_ocr=keep makes pages without words, leave_out makes none "
                "(counted)."
            )
        count = report.note if self.without_ocr == "keep" else report.refuse
        count(f"pages {lack}", one=f"page {lack}")
        return self.without_ocr == "keep"
