"""Files of an OCR engine's output, page by page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.ocr.formats import OcrFormat, load, read_pages
from docexp.documents.readers.files import read_bytes
from docexp.errors import DocexpError

PLAIN_TEXTS = (".txt", ".ocr")
"""Suffixes of OCR without places."""

_PLAIN_RECORD = "<LTDLWOCR"
"""The element in which IIT-CDIP's xml records hold a document's text, without places. Source: D. Lewis, "Data Elements
in Version 1 of the IIT Complex Document Information Processing Test Collection", 2007, and programs that read it."""


@dataclass(frozen=True)
class PageOcr:
    """The OCR of one page: its format (``None`` where it is plain text), its data, where it comes from."""

    form: OcrFormat | None
    data: Any
    where: str


@dataclass(frozen=True)
class OcrFile:
    """An OCR file cut into pages; ``form`` is ``None`` where it is plain text, which has none."""

    file: Path
    form: OcrFormat | None
    pages: list[Any]

    @property
    def count(self) -> int | None:
        """Its number of pages; ``None`` where it is plain text."""
        return len(self.pages) if self.form else None

    def page(self, number: int) -> PageOcr:
        """A page's OCR.

        Raises:
            DocexpError: the file has fewer pages.
        """
        where = str(self.file) if self.count in (None, 1) else f"{self.file}, page {number + 1}"
        if self.form and number >= len(self.pages):
            raise DocexpError(f"{self.file}: OCR pages: {len(self.pages)}, but its document has more images.")
        return PageOcr(self.form, self.pages[number] if self.form else None, where)


def ocr_file(file: Path, images: int | None = None) -> OcrFile:
    """A file's OCR; of ``images`` pages, where that is known.

    Raises:
        DocexpError: it cannot be read, is of no known format, or speaks of another number of pages.
    """
    if file.suffix.lower() in PLAIN_TEXTS:
        return OcrFile(file, None, [])
    data = load(read_bytes(file), file.name, str(file))
    if isinstance(data, str) and _PLAIN_RECORD in data:
        return OcrFile(file, None, [])
    form, pages = read_pages(data, str(file))
    if images is not None and len(pages) != images:
        raise DocexpError(f"{file}: OCR pages: {len(pages)}, pages of its image: {images}.")
    return OcrFile(file, form, pages)
