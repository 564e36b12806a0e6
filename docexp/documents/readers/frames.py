"""The pages inside one image file: a TIFF may hold many."""

import io
from collections.abc import Iterator

from PIL import Image

from docexp.documents.images import MAX_PIXELS, inspect
from docexp.documents.page import PageError
from docexp.documents.readers.pictures import Picture
from docexp.documents.readers.reader import Report

_LOSSLESS = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
"""Modes that a png holds as they are."""


def frames(data: bytes, name: str, report: Report) -> Iterator[Picture]:
    """The pages of an image file, in order.

    A file of one page is kept byte for byte; each page of a TIFF with several becomes a png, without loss unless its
    colours are none that a png has (then they become RGB). Both are counted.

    Raises:
        PageError: the file or a page of it does not decode, or is beyond ``MAX_PIXELS``; ``name`` comes first.
    """
    count = _count(data, name)
    if count == 1:
        yield Picture(data, *inspect(data, name))
        return
    report.repair("pages of TIFF files stored as png", count, one="page of a TIFF file stored as png")
    for number in range(count):
        yield _frame(data, number, f"{name}, page {number + 1}", report)


def _count(data: bytes, name: str) -> int:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    except Exception as error:  # Pillow's decoders raise many kinds
        raise PageError(f"{name}: its image does not decode ({error})") from error


def _frame(data: bytes, number: int, name: str, report: Report) -> Picture:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.seek(number)
            if image.width * image.height > MAX_PIXELS:
                raise PageError(f"{name}: image of {image.width} × {image.height} is beyond {MAX_PIXELS:,} pixels")
            plain = image if image.mode in _LOSSLESS else image.convert("RGB")
            buffer = io.BytesIO()
            plain.save(buffer, "png")
    except PageError:
        raise
    except Exception as error:
        raise PageError(f"{name}: its image does not decode ({error})") from error
    if plain is not image:
        report.repair("pages whose colours became RGB", one="page whose colours became RGB")
    return Picture(buffer.getvalue(), "png", plain.width, plain.height)
