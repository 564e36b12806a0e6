"""RandomResizedCrop: its law, and that what a model sees and what its image tokenizer sees are one part of a page."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.cropping import ASPECT, RandomCrop
from docexp.inputs.dit import DiTEncoder
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.no_words import NoWords
from docexp.models.dit import DiTSettings
from docexp.objectives.image_tokenizer.images import tokenizer_pixels


def sizes(crop: RandomCrop, width: float, height: float, draws: int = 1) -> list[tuple[float, float, float, float]]:
    """Of each draw the part's share of the page, its aspect, and where it lies between the page's edges, 0..1."""
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        left, top, right, bottom = crop.draw(rng, width, height)
        across, down = (right - left) * width, (bottom - top) * height
        free = [start / (1 - size) for start, size in ((left, right - left), (top, bottom - top)) if size < 1 - 1e-9]
        found.append((across * down / width / height, across / down, min(free, default=0), max(free, default=1)))
    return found


@given(
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted),
    st.floats(1, 20_000),
    st.floats(1, 20_000),
)
@settings(max_examples=300, deadline=None)
def test_a_part_lies_on_the_page_and_has_an_allowed_aspect(shares: list[float], width: float, height: float) -> None:
    for _, aspect, lowest, highest in sizes(RandomCrop(*shares), width, height, 3):
        assert ASPECT[0] - 1e-6 < aspect < ASPECT[1] + 1e-6
        assert lowest > -1e-6 and highest < 1 + 1e-6


def test_areas_aspects_and_places_are_drawn_evenly() -> None:
    """Where every draw fits. Even from a to b: the mean lies in the middle, the deviation is (b - a) / √12."""
    found = np.array(sizes(RandomCrop(0.08, 0.5), 1000, 1000, 20_000))
    for values, low, high in ((found[:, 0], 0.08, 0.5), (np.log(found[:, 1]), math.log(3 / 4), math.log(4 / 3))):
        assert low <= values.min() + 1e-9 and values.max() <= high + 1e-9
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.01 * (high - low))
        assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.02)
    across, down = found[:, 2], found[:, 3]  # the lower and the higher of two even draws: means of a third, two thirds
    assert across.mean() == pytest.approx(1 / 3, abs=0.01) and down.mean() == pytest.approx(2 / 3, abs=0.01)


def test_on_a_strip_where_nothing_fits_it_is_the_middle() -> None:
    assert RandomCrop(0.9, 1).draw(np.random.default_rng(0), 100, 1000) == pytest.approx((0, 13 / 30, 1, 17 / 30))
    assert RandomCrop(0.9, 1).draw(np.random.default_rng(0), 1000, 100) == pytest.approx((13 / 30, 0, 17 / 30, 1))


def page_of(width: int, height: int, stored: tuple[int, int]) -> Page:
    pixels = np.random.default_rng(0).integers(0, 256, (stored[1], stored[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return Page("p3", width, height, ("Total",), [(1, 1, 9, 9)], image=file.getvalue())


def cropping(side: int = 32) -> DiTEncoder:
    found = DiTSettings(image_size=side, random_crop=[0.1, 0.4]).encoder(NoWords(), "word", 128)
    assert isinstance(found, DiTEncoder)
    return found


@pytest.mark.parametrize("stored", [(400, 300), (100, 75)])
def test_a_window_shows_the_part_cut_out_and_then_resized(stored: tuple[int, int]) -> None:
    page, encoder = page_of(400, 300, stored), cropping()
    part = encoder.training_part(page, np.random.default_rng(3))
    assert part is not None and page.image is not None
    (window,) = encoder.encode(page, part)
    image = Image.open(io.BytesIO(page.image))
    scale = np.array([*stored, *stored])
    cut = image.crop(tuple(int(edge) for edge in np.round(np.array(part) * scale)))
    assert 0.08 < cut.width * cut.height / math.prod(stored) < 0.42
    expected = np.asarray(cut.resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert window.pixels is not None and (window.pixels == expected).all()
    codes = np.asarray(cut.resize((16, 16), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert (tokenizer_pixels(page, 16, part) == codes).all()


def test_a_part_of_less_than_a_pixel_is_one() -> None:
    (window,) = cropping().encode(page_of(400, 300, (2, 1)), (0.9, 0.9, 0.95, 0.95))
    assert window.pixels is not None and len(np.unique(window.pixels.reshape(3, -1), axis=1).T) == 1


def test_without_it_training_shows_whole_pages_too() -> None:
    encoder = DiTSettings(image_size=32).encoder(NoWords(), "word", 128)
    assert encoder.training_part(page_of(40, 30, (40, 30)), np.random.default_rng(0)) is None


def test_words_would_lose_their_places() -> None:
    made = LayoutLMv3Encoder(tokenizer=NoWords())
    with pytest.raises(DocexpError, match="models of images alone"):
        replace(made, crop=RandomCrop(0.1, 1))
