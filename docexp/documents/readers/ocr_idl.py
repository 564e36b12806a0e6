"""OCR-IDL and collections like it: WebDataset tars with a document's images and their OCR.

Source: the dataset cards of pixparse/idl-wds (members ``tif``, ``pdf``, ``json``, ``ocr`` of a key that is the
document's id; Textract's output in ``json``) and of pixparse/pdfa-eng-wds (``pdf`` and ``json``); Biten et al.,
"OCR-IDL: OCR Annotations for Industry Document Library Dataset", 2022. Unverified on whole tars: that ``tif`` has a
page for each of ``json``'s (others are refused).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from docexp.documents.ocr.formats import load, read_pages
from docexp.documents.page import Page
from docexp.documents.pdf import pdf_pictures
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Repair, RepairSettings
from docexp.documents.reading.faults import LeaveOut, document_pages
from docexp.documents.reading.frames import frames
from docexp.documents.reading.ocr_words import page_text
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import Picture
from docexp.documents.reading.splits import named_split
from docexp.errors import DocexpError
from docexp.settings import AtLeast1
from docexp.shards.members import IMAGE_SUFFIXES
from docexp.shards.samples import Sample, samples


@dataclass(kw_only=True)
class OcrIdlReader(RepairSettings, Reader):
    """Reads every tar below a folder, document by document, a page for each page of its OCR.

    Images come from the member ``tif`` (or another image), else from ``pdf``. The OCR may be of any kind that
    ``docexp.documents.ocr`` knows.
    """

    name: ClassVar[str] = "OCR-IDL"
    licence: ClassVar[str] = "idl-train: see the dataset's card and industrydocuments.ucsf.edu"

    split: Literal["named", "train", "validation", "test"] = "named"
    """The split of all tars; ``named`` takes it from the words of each tar's name (``idl-train-00000.tar``)."""
    dpi: AtLeast1 = 150
    """At how many pixels an inch documents are drawn that come as PDF only."""
    repair: Repair = "clip"
    faults: LeaveOut = "error"
    """``error`` stops at the first document with a fault, ``leave_out`` leaves such documents out whole (counted)."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """None: words only."""
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[str, Path]]:
        """The tars with their splits, by name."""
        folder = self.folder(source)
        tars = sorted(folder.rglob("*.tar"))
        if not tars:
            raise DocexpError(f"{folder}: no tar files, such as idl-train-00000.tar.")
        for tar in tars:
            split = named_split(tar.stem) if self.split == "named" else self.split
            if split is None:
                raise DocexpError(f"{tar}: its name tells no split. Give data.reader.split=train.")
            yield split, tar

    def read(self, unit: tuple[str, Path], report: Report) -> Iterator[tuple[str, Page]]:
        """The documents of one tar."""
        split, tar = unit
        for sample in samples(tar, report):
            yield from document_pages(
                lambda own, sample=sample: self._document(sample, f"{tar}, sample {sample.key}", split, own),
                self.faults,
                report,
            )

    def _document(self, sample: Sample, where: str, split: str, report: Report) -> Iterator[tuple[str, Page]]:
        if "json" not in sample.members:
            raise DocexpError(
                f"{where}: no .json with its OCR, only {', '.join(f'.{name}' for name in sample.members)}."
            )
        form, pages = read_pages(load(sample.members["json"], "x.json", where), where)
        document = sample.key.removeprefix("./")
        number = 0
        for picture in self._pictures(sample, where, report):
            if number < len(pages):
                rules = BoxRules(picture.width, picture.height, self.repair, report)
                place = f"{where}, page {number + 1}"
                text = page_text(form.read(pages[number], picture.width, picture.height, place), rules, place)
                report.note("pages without words", not text.words, one="page without words")
                yield split, text_page(picture, f"{document}_{number + 1}", document, number, text)
            number += 1
        if number != len(pages):
            raise DocexpError(f"{where}: OCR pages: {len(pages)}, pages of its image: {number}.")

    def _pictures(self, sample: Sample, where: str, report: Report) -> Iterator[Picture]:
        suffix = next((suffix for suffix in IMAGE_SUFFIXES if suffix in sample.members), None)
        if suffix:
            return frames(sample.members[suffix], where, report)
        if "pdf" not in sample.members:
            raise DocexpError(f"{where}: no image (.tif, .png, .jpg, .webp) and no .pdf.")
        return pdf_pictures(sample.members["pdf"], f"{where}: its PDF", self.dpi)
