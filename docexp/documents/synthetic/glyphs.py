"""Fonts, and words as ink: masks cut to the last pixel, so that a word's box is exact."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FACES = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold", "DejaVuSansMono")
"""Free fonts that come with matplotlib, so that pages look alike on every machine."""


@dataclass(frozen=True)
class Font:
    """A face of ``FACES`` at a size in pixels."""

    face: str
    size: int

    @property
    def leading(self) -> int:
        """Pixels from one line's top to the next one's."""
        return round(1.3 * self.size)

    @property
    def space(self) -> int:
        """Pixels between the ink of two words."""
        return max(3, round(0.35 * self.size))


@dataclass(frozen=True)
class Stamp:
    """A word's ink: its mask, and how far the ink's top lies above the baseline."""

    mask: Image.Image
    rise: int

    @property
    def width(self) -> int:
        """Pixels from the first to the last inked column."""
        return self.mask.width

    @property
    def height(self) -> int:
        """Pixels from the first to the last inked row."""
        return self.mask.height


@lru_cache(maxsize=32_768)
def stamp(word: str, font: Font) -> Stamp:
    """The word drawn once in ``font``; a page's words come mostly from here without being drawn again.

    A full cache takes some 50 MB and holds a language in the fonts of all its articles.
    """
    margin = 2
    left, top, right, bottom = _load(font).getbbox(word, anchor="ls")
    mask = Image.new("L", (math.ceil(right - left) + 2 * margin, math.ceil(bottom - top) + 2 * margin))
    ImageDraw.Draw(mask).text((margin - left, margin - top), word, fill=255, font=_load(font), anchor="ls")
    ink = mask.getbbox()
    if ink is None:
        raise ValueError(f"{word!r} has no ink")
    return Stamp(mask.crop(ink), rise=math.floor(margin - top) - ink[1])


@lru_cache(maxsize=64)
def _load(font: Font) -> ImageFont.FreeTypeFont:
    path = _folder() / f"{font.face}.ttf"
    # the basic layout engine, because Raqm is not in every build of Pillow and places letters otherwise
    return ImageFont.truetype(str(path), font.size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def _folder() -> Path:
    import matplotlib  # half a second: only who draws pages waits for it

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@lru_cache(maxsize=len(FACES))
def letters_of(face: str) -> frozenset[int]:
    """The code points for which ``face`` has a glyph, from its character map."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_folder() / f"{face}.ttf")).get_charmap())
