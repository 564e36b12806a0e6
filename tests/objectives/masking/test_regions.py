"""Covered regions hide all ink, and little more."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.geometry import as_boxes, normalise
from docexp.documents.images import square_image
from docexp.documents.page import Page
from docexp.objectives.masking.regions import paint

WHITE = (255, 255, 255)


def inked(width: int, height: int, boxes: np.ndarray, side: int) -> np.ndarray:
    """A white page whose whole pixels in ``boxes`` are black, as a model sees it, ``[3, side, side]``."""
    paper = np.full((height, width), 255, dtype=np.uint8)
    for x0, y0, x1, y1 in boxes.astype(int).tolist():
        paper[y0:y1, x0:x1] = 0
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "png")
    page = Page("p", width, height, (), as_boxes([]), image=file.getvalue())
    return np.broadcast_to(np.asarray(square_image(page, side)), (3, side, side))


@settings(deadline=None)
@given(st.data(), st.integers(112, 900), st.integers(112, 900))
def test_nothing_of_a_covered_word_stays_visible(data, width: int, height: int) -> None:
    x = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
    y = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
    boxes = as_boxes([x[0], y[0], x[1], y[1]])
    painted = paint(inked(width, height, boxes, 224), normalise(boxes, width, height), WHITE)
    assert (painted == 255).all()


@pytest.mark.parametrize("side", [224, 512])
def test_the_fraction_that_a_box_lost_is_covered_too(side: int) -> None:
    width, height = 4000, 300  # a thousandth of the page is four pixels: up to three of them are cut off
    for edge in range(2003, 2103, 4):
        boxes = as_boxes([1000, 50, edge, 149])
        assert normalise(boxes, width, height)[0, 2] * width / 1000 == edge - 3
        assert (paint(inked(width, height, boxes, side), normalise(boxes, width, height), WHITE) == 255).all()


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_pixels_more_than_two_beyond_the_box_stay(a: int, b: int, c: int, d: int) -> None:
    (x0, x1), (y0, y1) = sorted((a, b)), sorted((c, d))
    height, width = 100, 224
    painted = paint(np.zeros((3, height, width), dtype=np.uint8), np.array([(x0, y0, x1, y1)]), (9, 9, 9))
    rows, columns = np.flatnonzero(painted[0].any(axis=1)), np.flatnonzero(painted[0].any(axis=0))
    assert x0 * width / 1000 - 1.5 < columns[0] and columns[-1] + 1 < (x1 + 1) * width / 1000 + 1.5
    assert y0 * height / 1000 - 1.5 < rows[0] and rows[-1] + 1 < (y1 + 1) * height / 1000 + 1.5


def test_a_copy_is_painted_in_each_channels_own_colour() -> None:
    grey = np.full((10, 10), 7, dtype=np.uint8)
    pixels = np.broadcast_to(grey, (3, 10, 10))
    painted = paint(pixels, np.array([(0, 0, 400, 400), (900, 900, 1000, 1000)]), (1, 2, 3))
    assert painted.shape == (3, 10, 10) and painted.dtype == np.uint8
    assert painted[:, 0, 0].tolist() == [1, 2, 3] and painted[:, 9, 9].tolist() == [1, 2, 3]
    assert painted[:, 0, 9].tolist() == [7, 7, 7] and (grey == 7).all()
    assert np.array_equal(paint(pixels, np.zeros((0, 4), dtype=np.int64), (1, 2, 3)), pixels)


def test_a_colour_has_values_of_a_byte() -> None:
    with pytest.raises(OverflowError):
        paint(np.zeros((3, 4, 4), dtype=np.uint8), np.array([(0, 0, 9, 9)]), (256, 0, 0))
