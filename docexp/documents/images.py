"""Encoded page images to pixels, with a bound on their size."""

import io

from PIL import Image

from docexp.documents.page import IMAGE_FORMATS, ImageFormat, Page, PageError

MAX_PIXELS = 80_000_000
"""An A3 page at 600 dpi has 70 million pixels; beyond this a file is a decompression bomb or a mistake."""

Part = tuple[float, float, float, float]
"""Left, top, right and bottom edge of a part of a page, as shares of its width and height, 0..1."""

_FORMATS: dict[str, ImageFormat] = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "TIFF": "tif"}


def decode(page: Page) -> Image.Image:
    """The page's image in RGB, at the stored size.

    Raises:
        PageError: no image, one that does not decode, or one beyond ``MAX_PIXELS``; named by page.
    """
    return decode_as_stored(page).convert("RGB")


def decode_as_stored(page: Page) -> Image.Image:
    """``decode``, but grey stays grey (mode ``L``): a third of the pixels where all three channels would be alike.

    Raises:
        PageError: as ``decode``.
    """
    if page.image is None:
        raise PageError(f"page {page.id} has no image; use model.image=none or data with images")
    return _decoded(page.image, f"page {page.id}")[1]


def shown_image(page: Page, side: int, resample: Image.Resampling, part: Part | None = None) -> Image.Image:
    """The page's image, or a part of it, resized to ``side × side``; as it is if it has that size. RGB, or stored grey.

    A part is cut at whole pixels of the stored image before it is resized, so that nothing around it shines in.

    Raises:
        PageError: as ``decode``.
    """
    image = decode_as_stored(page)
    if part is not None:
        image = image.crop(_whole_pixels(part, image.width, image.height))
    return image if image.size == (side, side) else image.resize((side, side), resample)


def _whole_pixels(part: Part, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = part
    x0, y0 = min(round(left * width), width - 1), min(round(top * height), height - 1)
    return x0, y0, max(x0 + 1, round(right * width)), max(y0 + 1, round(bottom * height))


def square_image(page: Page, side: int, part: Part | None = None) -> Image.Image:
    """The page's image, or a part of it, resized to ``side × side`` with Pillow's bilinear filter.

    It is in RGB, or grey where it is stored so: the filter treats channels apart, so that three equal ones stay equal.
    What an encoder does while training and a writer does once must be the same: both call this. Source:
    ``LayoutLMv3ImageProcessorPil`` (``resample`` bilinear, whatever the page's proportions).

    Raises:
        PageError: as ``decode``.
    """
    return shown_image(page, side, Image.Resampling.BILINEAR, part)


def inspect(data: bytes, name: str) -> tuple[ImageFormat, int, int]:
    """Format, width and height of an encoded image, after decoding all of it once.

    Raises:
        PageError: it does not decode, is beyond ``MAX_PIXELS``, or has a format no shard holds; ``name`` comes first.
    """
    kind, image = _decoded(data, name)
    if kind not in _FORMATS:
        raise PageError(f"{name}: {kind or 'unknown'} images are not supported; use {', '.join(IMAGE_FORMATS)}")
    return _FORMATS[kind], image.width, image.height


def _decoded(data: bytes, name: str) -> tuple[str | None, Image.Image]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PageError(f"{name}: image of {image.width} × {image.height} is beyond {MAX_PIXELS:,} pixels")
            return image.format, _plain(image)
    except PageError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error
        raise PageError(f"{name}: its image does not decode ({error})") from error


def _plain(image: Image.Image) -> Image.Image:
    """RGB or L by Pillow's ``convert``, with two repairs: transparent paper is white, 16-bit grey keeps its scale."""
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256, "L")
    if image.mode in ("RGB", "L"):
        image.load()
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
