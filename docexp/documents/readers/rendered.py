"""The pages of a PDF as pictures, for corpora that hold OCR of them."""

import io
from collections.abc import Iterator

from docexp.documents.images import MAX_PIXELS
from docexp.documents.readers.pictures import Picture
from docexp.errors import DocexpError

_POINTS = 72.0
"""A PDF's unit is 1/72 inch."""


def rendered(data: bytes, dpi: int, where: str) -> Iterator[Picture]:
    """Each page of a PDF, drawn by pdfium at ``dpi`` pixels an inch, as a png.

    Raises:
        DocexpError: pypdfium2 is missing, the PDF is damaged or encrypted, or a page is beyond ``MAX_PIXELS``.
    """
    try:
        import pypdfium2
    except ImportError:
        raise DocexpError("PDF files need pypdfium2: pip install 'docexp[pdf]'") from None
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise DocexpError(f"{where}: its PDF cannot be opened ({error}).") from None
    try:
        for number in range(len(document)):
            page = document[number]
            width, height = (side * dpi / _POINTS for side in page.get_size())
            if width * height > MAX_PIXELS:
                raise DocexpError(f"{where}, page {number + 1}: beyond {MAX_PIXELS:,} pixels at {dpi} dpi. Lower it.")
            buffer = io.BytesIO()
            image = page.render(scale=dpi / _POINTS).to_pil()  # pyright: ignore[reportArgumentType]  # a float is meant
            image.save(buffer, "png")
            yield Picture(buffer.getvalue(), "png", image.width, image.height)
    except pypdfium2.PdfiumError as error:
        raise DocexpError(f"{where}: its PDF is damaged ({error}).") from None
    finally:
        document.close()
