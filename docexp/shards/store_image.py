"""How page images are stored in shards: as they came, or resized and encoded anew."""

import io
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from PIL import Image

from docexp.documents.images import decode_as_stored, square_image
from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Range, Settings


@dataclass(kw_only=True)
class StoredImages(Settings):
    """What becomes of page images when shards are written. A page's width, height and boxes stay the original's.

    Raises:
        DocexpError: a size without a format to encode in, or a value out of range.
    """

    images: Literal["keep", "png", "jpg"] = "keep"
    """``keep``: the bytes as they came; ``png``: without loss; ``jpg``: smaller, and no longer the same pixels."""
    image_size: AtLeast1 | None = None
    """Resize to a square of this side, exactly as training would."""
    quality: Annotated[int, Range(at_least=1, at_most=100)] = 92
    """Of ``jpg``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size is not None and self.images == "keep":
            raise DocexpError(
                f"image_size={self.image_size} changes the images and images=keep does not: "
                "images=png keeps every pixel of the smaller image, images=jpg is smaller still."
            )

    def stored(self, page: Page) -> Page:
        """The page with its image as it will be stored; one without an image as it is.

        With ``image_size`` and ``png`` a model of that size gets bit for bit the pixels of the original.

        Raises:
            DocexpError: the image does not decode.
        """
        if self.images == "keep" or page.image is None:
            return page
        image = _grey(decode_as_stored(page) if self.image_size is None else square_image(page, self.image_size))
        buffer = io.BytesIO()
        if self.images == "png":
            image.save(buffer, "png", optimize=False)
        else:
            image.save(buffer, "jpeg", quality=self.quality)
        return replace(page, image=buffer.getvalue(), image_format=self.images)


def _grey(image: Image.Image) -> Image.Image:
    """The image with one channel where its three are equal: a third of the bytes, and RGB again as it was."""
    if image.mode == "L":
        return image
    pixels = np.asarray(image)
    equal = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()
    return image.getchannel(0) if equal else image
