"""Pages to DiT's inputs, against transformers' own image processing."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image
from transformers import BeitImageProcessorPil
from transformers.image_utils import PILImageResampling

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.dit import DiTEncoder
from docexp.inputs.no_words import NoWords
from docexp.models.dit import DiTSettings

WORDS = ("Total", "\udc00", " ") * 400


def page_of(words: tuple[str, ...], mode: str = "RGB") -> Page:
    pixels = np.random.default_rng(0).integers(0, 256, (43, 31, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "png")
    return Page("p3", 31, 43, words, [(1, 1, 9, 9)] * len(words), image=file.getvalue())


def encoder(side: int) -> DiTEncoder:
    return DiTSettings(image_size=side).encoder(NoWords(), "word", 128)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("side", [16, 64])
def test_pixels_are_those_of_the_published_processing(side: int, mode: str) -> None:
    page = page_of((), mode)
    (window,) = encoder(side).encode(page)
    assert page.image is not None and window.pixels is not None
    # as microsoft/dit-base states it (transformers' convert_dit_unilm_to_pytorch.py)
    stock = BeitImageProcessorPil(
        size={"height": side, "width": side},
        resample=PILImageResampling.BILINEAR,
        do_center_crop=False,
        do_rescale=False,
        do_normalize=False,
    )
    expected = stock(Image.open(io.BytesIO(page.image)).convert("RGB"), return_tensors="np")["pixel_values"][0]
    assert window.pixels.dtype == np.uint8 and np.array_equal(window.pixels, expected)


def test_a_page_of_any_words_is_one_window_without_any() -> None:
    """Not even words that are no text can stop it."""
    for words in (WORDS, ()):
        (window,) = encoder(32).encode(page_of(words))
        assert window.input_ids.tolist() == [0, 2] and window.word_index.tolist() == [-1, -1]
        assert not window.bbox.any() and not window.starts_word.any()


def test_it_travels_to_workers() -> None:
    page = page_of(WORDS)
    (here,), (there,) = encoder(32).encode(page), pickle.loads(pickle.dumps(encoder(32))).encode(page)
    assert here.pixels is not None and np.array_equal(here.pixels, there.pixels)


def test_a_page_without_an_image_is_refused() -> None:
    with pytest.raises(DocexpError, match="page p3 has no image"):
        encoder(32).encode(Page("p3", 31, 43, (), []))
