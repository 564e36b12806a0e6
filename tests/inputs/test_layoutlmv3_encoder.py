"""Pages to LayoutLMv3's inputs, against transformers' own processing."""

import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.page import Entity, Page
from docexp.errors import DocexpError
from docexp.inputs.layout_encoder import page_pixels
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer

VOCABULARY = [
    "Invoice",
    "Total",
    "amount:",
    "of",
    "BRAND",
    "SMOKER",
    "naïve",
    "№",
    "日本",
    "12/31/94",
    "$1,200.50",
    "ﬁnal",
]
ODD = ["BRAND SMOKER", "ends ", " begins", "two  spaces", "日本語", "a\u200bb", "\u00ad", "🙂", "&", "<mask>x"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([VOCABULARY] * 3, 320)


@pytest.fixture(scope="module")
def stock(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory):
    from transformers import LayoutLMv3Tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return LayoutLMv3Tokenizer.from_pretrained(folder, split_special_tokens=True)


def picture(width: int, height: int, mode: str = "RGB", kind: str = "png", seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8), mode=mode).save(file, kind)
    return file.getvalue()


def page_of(words: list[str], seed: int = 0, **values: object) -> Page:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, [777, 1000], (len(words), 2, 2)), axis=1)
    return Page("p3", 777, 1000, tuple(words), corners.reshape(-1, 4), **values)  # pyright: ignore[reportArgumentType]


def drawn_words(count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [str(word) for word in rng.choice([*VOCABULARY, *ODD], count)]


@pytest.mark.parametrize("seed", range(5))
def test_a_page_of_one_window_equals_transformers(tokenizer: Tokenizer, stock: Callable, seed: int):
    words = drawn_words(60, seed)
    page = page_of(words, seed)
    boxes = np.floor(1000 * page.word_boxes / [777, 1000, 777, 1000]).astype(int).tolist()
    (window,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None).encode(page)
    expected = stock(words, boxes=boxes, truncation=True, max_length=512)
    assert window.input_ids.tolist() == expected.input_ids
    assert window.bbox.tolist() == window.word_bbox.tolist() == expected.bbox
    assert [None if w < 0 else w for w in window.word_index.tolist()] == expected.word_ids()
    labels = stock(words, boxes=boxes, word_labels=list(range(60))).labels
    assert np.where(window.starts_word, window.word_index, -100).tolist() == labels


def test_windows_of_one_token_words_equal_transformers_overflow(tokenizer: Tokenizer, stock: Callable):
    words = ["Invoice"] * 100  # where a word is a token, cutting at words and cutting anywhere are the same
    page = page_of(words)
    boxes = np.floor(1000 * page.word_boxes / [777, 1000, 777, 1000]).astype(int).tolist()
    windows = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, max_tokens=32, stride=10).encode(page)
    options = {"truncation": True, "max_length": 32, "stride": 10, "return_overflowing_tokens": True}
    expected = stock(words, boxes=boxes, **options)
    assert len(tokenizer.encode_word("Invoice")) == 1 and len(windows) > 4
    assert [window.input_ids.tolist() for window in windows] == expected.input_ids
    assert [window.bbox.tolist() for window in windows] == expected.bbox


def test_long_pages_lose_no_word_and_share_their_pixels(tokenizer: Tokenizer):
    words = drawn_words(300, 9)
    page = page_of(words, image=picture(50, 60))
    whole = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, max_tokens=100_000).encode(page)[0]
    windows = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=32, max_tokens=64, stride=16).encode(page)
    assert len(windows) > 10 and all(len(window.input_ids) <= 64 for window in windows)
    assert all(window.pixels is windows[0].pixels for window in windows)
    firsts = set().union(*({*window.word_index[window.starts_word].tolist()} for window in windows))
    assert firsts == set(range(300))
    for window in windows:
        assert (window.input_ids[0], window.input_ids[-1]) == (tokenizer.bos_id, tokenizer.eos_id)
        inside = np.isin(whole.word_index, window.word_index[1:-1])
        for name in ("input_ids", "bbox", "word_bbox", "word_index", "line_index", "starts_word"):
            assert np.array_equal(getattr(window, name)[1:-1], getattr(whole, name)[inside]), name


def test_blank_words_have_no_tokens_and_special_tokens_no_place(tokenizer: Tokenizer):
    page = page_of(["", "Total", " ", "\u3000", "of"], lines=((0, 1), (2, 3, 4)))
    (window,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None).encode(page)
    assert window.word_index.tolist() == [-1, *[1] * len(tokenizer.encode_word("Total")), 4, -1]
    assert window.line_index.tolist() == [-1, *[0] * len(tokenizer.encode_word("Total")), 1, -1]
    assert not window.bbox[[0, -1]].any() and not window.starts_word[[0, -1]].any()
    (empty,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None).encode(page_of([]))
    assert empty.input_ids.tolist() == [tokenizer.bos_id, tokenizer.eos_id] and empty.bbox.shape == (2, 4)


def test_the_box_level_is_in_bbox_and_never_in_word_bbox(tokenizer: Tokenizer):
    boxes = [[10, 10, 20, 20], [30, 10, 40, 20], [10, 50, 20, 60]]
    entity = Entity("question", (0, 1), (5.0, 5.0, 50.0, 25.0))
    page = Page("p", 100, 100, ("of", "of", "of"), np.array(boxes), lines=((0, 1), (2,)), entities=(entity,))
    levels = {
        "word": [[100, 100, 200, 200], [300, 100, 400, 200], [100, 500, 200, 600]],
        "line": [[100, 100, 400, 200], [100, 100, 400, 200], [100, 500, 200, 600]],
    }
    for level, expected in levels.items():
        encoder = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, box_level=level)  # pyright: ignore[reportArgumentType]
        (window,) = encoder.encode(page)
        assert window.bbox[1:-1].tolist() == expected and window.word_bbox[1:-1].tolist() == levels["word"]
        (flat,) = replace(encoder, layout=False).encode(page)
        assert not flat.bbox.any() and flat.word_bbox.tolist() == window.word_bbox.tolist()
    (segment,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, box_level="segment").encode(page)
    assert segment.bbox[1].tolist() == segment.bbox[2].tolist() != levels["word"][0]


@settings(deadline=None)
@given(st.floats(0.5, 5000), st.floats(0.5, 5000), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_stay_between_0_and_1000(tokenizer: Tokenizer, width: float, height: float, shares: list[float]):
    left, right = sorted(shares[:2])
    top, bottom = sorted(shares[2:])
    box = np.minimum([[left * width, top * height, right * width, bottom * height]], [[width, height] * 2])
    (window,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None).encode(Page("p", width, height, ("of",), box))
    assert window.bbox.min() >= 0 and window.bbox.max() <= 1000


@pytest.mark.parametrize(("mode", "kind", "size"), [("RGB", "png", 224), ("L", "png", 224), ("RGB", "jpeg", 96)])
def test_pixels_equal_transformers_before_normalising(mode: str, kind: str, size: int):
    from transformers.models.layoutlmv3.image_processing_pil_layoutlmv3 import LayoutLMv3ImageProcessorPil

    data = picture(310, 437, mode, kind)
    pixels = page_pixels(page_of([], image=data), size)
    plain = {"apply_ocr": False, "do_normalize": False, "do_rescale": False, "size": {"height": size, "width": size}}
    image = Image.open(io.BytesIO(data)).convert("RGB")
    expected = LayoutLMv3ImageProcessorPil(**plain)(image)["pixel_values"][0]
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, expected)


def test_an_image_of_the_right_size_is_left_as_it_is():
    data = picture(48, 48)
    expected = np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)
    assert np.array_equal(page_pixels(page_of([], image=data), 48), expected)


def test_without_text_the_special_tokens_and_the_pixels_stay(tokenizer: Tokenizer):
    page = page_of(["Total"] * 700, image=picture(30, 40))
    (window,) = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=32, text=False).encode(page)
    assert window.input_ids.tolist() == [tokenizer.bos_id, tokenizer.eos_id] and window.pixels is not None


def test_it_is_pure_and_travels_to_workers(tokenizer: Tokenizer, tmp_path: Path):
    page = page_of(drawn_words(200, 3), image=picture(30, 40))
    encoder = LayoutLMv3Encoder(tokenizer=tokenizer, image_size=16, max_tokens=64, stride=8)
    other = pickle.loads(pickle.dumps(encoder))
    for left, right in zip(encoder.encode(page), other.encode(page), strict=True):
        for name in ("input_ids", "bbox", "word_bbox", "word_index", "line_index", "starts_word", "pixels"):
            assert np.array_equal(getattr(left, name), getattr(right, name)), name


def test_what_cannot_be_encoded_is_refused(tokenizer: Tokenizer):
    with pytest.raises(DocexpError, match="neither text nor image"):
        LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None, text=False)
    with pytest.raises(DocexpError, match=r"windows of 128 tokens hold 126 .* cannot share 128"):
        LayoutLMv3Encoder(tokenizer=tokenizer, max_tokens=128)
    with pytest.raises(DocexpError, match="page p3 has no image"):
        LayoutLMv3Encoder(tokenizer=tokenizer).encode(page_of(["of"]))
    with pytest.raises(DocexpError, match=r"page p3: the word .* half a surrogate pair"):
        LayoutLMv3Encoder(tokenizer=tokenizer, image_size=None).encode(page_of(["of", "\udc00"]))
