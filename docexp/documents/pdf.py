"""PDF files as pages: the words of the text layer with their boxes, and the picture that a viewer shows.

Reading is pdfium's, through pypdfium2 (the extra ``pdf``). A document is opened, read page by page and closed again;
pdfium is not thread-safe, so that no two threads of a process may read at once.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docexp.documents.geometry import Boxes, clip
from docexp.documents.images import MAX_PIXELS
from docexp.documents.pdf_text import page_words
from docexp.documents.readers.reader import Report
from docexp.documents.reading.files import read_bytes
from docexp.documents.reading.pictures import Picture
from docexp.errors import DocexpError

if TYPE_CHECKING:
    from PIL import Image

POINTS = 72.0
"""Points in an inch: what a PDF is measured in."""


@dataclass(frozen=True)
class PdfPage:
    """A page in pixels: ``number`` from 0, words in the order of the text layer, boxes ``[N, 4]``.

    ``image`` is a png, or None where none was wanted.
    """

    number: int
    width: int
    height: int
    words: tuple[str, ...]
    word_boxes: Boxes
    image: bytes | None = None


@contextmanager
def open_pdf(data: bytes, name: str) -> Iterator[Any]:
    """pdfium's document of a PDF's bytes, closed at the end; ``name`` is how messages call it.

    Raises:
        DocexpError: pypdfium2 is missing; the PDF is encrypted, damaged, or has no page.
    """
    pdfium = _pdfium()
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise DocexpError(f"{name} is encrypted. Save it without a password, or take it out.") from None
        raise DocexpError(f"{name} is damaged: pdfium cannot open it. Copy it again from the archive.") from None
    try:
        if not len(document):
            raise DocexpError(f"{name} has no page. Copy it again from the archive.")
        yield document
    finally:
        document.close()


def pdf_pages(
    file: Path, report: Report, *, dpi: float, render: bool = True, max_pages: int | None = None
) -> Iterator[PdfPage]:
    """The pages of a PDF at ``dpi`` pixels an inch, as a viewer shows them: cropped, and turned as the file says.

    Args:
        file: the PDF.
        report: counts pages beyond ``max_pages``, pages without a text layer, and what ``page_words`` meets.
        dpi: pixels an inch.
        render: whether to draw each page.
        max_pages: so many pages are read, or all.

    Raises:
        DocexpError: as ``open_pdf``; the file is no PDF (a pointer of git-annex or Git LFS is named as such); a page is
            damaged, or has more than ``MAX_PIXELS`` at this dpi.
    """
    with open_pdf(_checked(file), str(file)) as document:
        count = len(document)
        wanted = count if max_pages is None else min(count, max_pages)
        report.refuse(
            "pages beyond the first of their PDF that were wanted",
            count - wanted,
            one="page beyond the first of its PDF that were wanted",
        )
        for number in range(wanted):
            with _page(document, number, f"{file}, page {number + 1}", dpi) as (page, (width, height)):
                words, boxes = _words(page, (width, height), report)
                image = _png(_drawn(page, (width, height), dpi)) if render else None
            yield PdfPage(number, width, height, tuple(words), boxes, image)


def pdf_pictures(data: bytes, name: str, dpi: float) -> Iterator[Picture]:
    """The pages of a PDF's bytes as pngs, drawn as ``pdf_pages`` draws them; their text layer is not read.

    Raises:
        DocexpError: as ``open_pdf``; a page is damaged, or has more than ``MAX_PIXELS`` at this dpi.
    """
    with open_pdf(data, name) as document:
        for number in range(len(document)):
            with _page(document, number, f"{name}, page {number + 1}", dpi) as (page, size):
                picture = Picture(_png(_drawn(page, size, dpi)), "png", *size)
            yield picture


@contextmanager
def _page(document: Any, number: int, where: str, dpi: float) -> Iterator[tuple[Any, tuple[int, int]]]:
    """A page of pdfium's document, with its width and height in pixels, closed at the end."""
    pdfium = _pdfium()
    try:
        page = document[number]
    except pdfium.PdfiumError:
        raise DocexpError(f"{where} is damaged: pdfium cannot open it. Copy the file again from the archive.") from None
    try:
        points = page.get_size()
        width, height = (round(side * dpi / POINTS) for side in points)
        if not (width >= 1 and height >= 1 and width * height <= MAX_PIXELS):
            raise DocexpError(
                f"{where}: {points[0]:g} × {points[1]:g} points are {width} × {height} pixels at {dpi:g} dpi; "
                f"a page has 1 to {MAX_PIXELS:,}. Set data.reader.dpi."
            )
        yield page, (width, height)
    except pdfium.PdfiumError as error:
        raise DocexpError(f"{where} is damaged: pdfium cannot read it ({error}).") from None
    finally:
        page.close()


def _words(page: Any, size: tuple[int, int], report: Report) -> tuple[list[str], Boxes]:
    points = page.get_size()
    words, boxes = page_words(page, report)
    boxes, cut = clip(boxes * ((size[0] / points[0], size[1] / points[1]) * 2), *size)
    report.repair("boxes cut at the page's border", cut, one="box cut at the page's border")
    report.note("pages without a text layer", not words, one="page without a text layer")
    return words, boxes


def _drawn(page: Any, size: tuple[int, int], dpi: float) -> "Image.Image":
    """The page in exactly ``size`` pixels; pdfium rounds up where a pixel is only begun."""
    image = page.render(scale=dpi / POINTS, rev_byteorder=True).to_pil().convert("RGB")
    if image.size != size:
        image = image.crop((0, 0, *size))
    return image


def _png(image: "Image.Image") -> bytes:
    """The picture as a png, grey where it has no colour."""
    pixels = np.asarray(image)
    if (pixels[..., :1] == pixels).all():
        image = image.convert("L")
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def _checked(file: Path) -> bytes:
    if file.is_symlink() and not file.exists():
        raise DocexpError(f"{file} is a link to nothing: git-annex has not fetched it. {_FETCH}")
    data = read_bytes(file)
    head = data[:1024]
    if b"%PDF" in head:
        return data
    if b".git/annex" in head or b"/annex/objects" in head:
        raise DocexpError(f"{file} is a pointer of git-annex, not a PDF. {_FETCH}")
    if head.startswith(b"version https://git-lfs"):
        raise DocexpError(f"{file} is a pointer of Git LFS, not a PDF. Fetch the files: git lfs pull")
    raise DocexpError(f"{file} is no PDF: it does not begin with %PDF. Copy it again from the archive.")


_FETCH = "Fetch the files: git annex get . (or the script that comes with the dataset)"


def _pdfium() -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise DocexpError("PDF files need pypdfium2: pip install 'docexp[pdf]'") from None
    return pypdfium2
