"""Encoded page images to pixels, with a bound on their size."""

import io

from PIL import Image

from docexp.documents.page import Page, PageError

MAX_PIXELS = 120_000_000
"""An A3 page at 600 dpi has 70 million pixels; beyond this a file is a decompression bomb or a mistake."""


def decode(page: Page) -> Image.Image:
    """The page's image in RGB, at the stored size.

    Raises:
        PageError: no image, one that does not decode, or one beyond ``MAX_PIXELS``; named by page.
    """
    if page.image is None:
        raise PageError(f"page {page.id} has no image; use model.image=none or data with images")
    try:
        with Image.open(io.BytesIO(page.image)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PageError(
                    f"page {page.id}: image of {image.width} × {image.height} is beyond {MAX_PIXELS:,} pixels"
                )
            return image.convert("RGB")
    except PageError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error
        raise PageError(f"page {page.id}: its {page.image_format} image does not decode ({error})") from error


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height read from the header alone, without decoding.

    Raises:
        OSError: the bytes are no image Pillow knows.
    """
    with Image.open(io.BytesIO(data)) as image:
        return image.size
