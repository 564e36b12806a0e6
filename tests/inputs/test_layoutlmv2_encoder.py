"""Pages to the inputs of LayoutLM, LayoutLMv2 and LayoutXLM, against transformers' own processing."""

import io
import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.layout_encoder import LayoutEncoder
from docexp.inputs.layoutlm import LayoutLMEncoder
from docexp.inputs.layoutlmv2 import LayoutLMv2Encoder
from docexp.inputs.word_piece import SPECIAL_TOKENS, WordPiece

PIECES = ["total", "amount", "in", "##voice", "##s", "of", "naive", "日", "本", "1", "##2", "/", "$"]
VOCAB = {token: number for number, token in enumerate([*SPECIAL_TOKENS, *PIECES])}
WORDS = ["Total", "INVOICES", "of", "na\u00efve", "日本", "12/1", "unknown", "$"]


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece(VOCAB)


def picture(width: int = 31, height: int = 43, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "png")
    return file.getvalue()


def page_of(words: list[str], seed: int = 0, **values: Any) -> Page:
    corners = np.sort(np.random.default_rng(seed).uniform(0, [777, 1000], (len(words), 2, 2)), axis=1)
    return Page("p3", 777, 1000, tuple(words), corners.reshape(-1, 4), **values)


@pytest.mark.parametrize("kind", [LayoutLMEncoder, LayoutLMv2Encoder])
@pytest.mark.parametrize("seed", range(3))
def test_ids_and_boxes_equal_transformers(tokenizer: WordPiece, kind: type[LayoutEncoder], seed: int) -> None:
    from transformers import LayoutLMv2Tokenizer

    words = [str(word) for word in np.random.default_rng(seed).choice(WORDS, 40)]
    page = page_of(words, seed)
    boxes = np.floor(1000 * page.word_boxes / [777, 1000, 777, 1000]).astype(int).tolist()
    (window,) = kind(tokenizer=tokenizer, image_size=None).encode(page)
    stock = LayoutLMv2Tokenizer(vocab=dict(VOCAB))(words, boxes=boxes)
    assert window.input_ids.tolist() == stock.input_ids
    assert window.bbox.tolist() == stock.bbox
    assert window.bbox[0].tolist() == [0] * 4 and window.bbox[-1].tolist() == [1000] * 4
    assert [None if word < 0 else word for word in window.word_index.tolist()] == stock.word_ids()
    assert not window.word_bbox[[0, -1]].any()  # special tokens have no word


def test_every_window_is_closed_with_its_box(tokenizer: WordPiece) -> None:
    page = page_of(["Total"] * 100)
    windows = LayoutLMv2Encoder(tokenizer=tokenizer, image_size=None, max_tokens=32, stride=10).encode(page)
    assert len(windows) > 4
    for window in windows:
        assert window.input_ids[[0, -1]].tolist() == [VOCAB["[CLS]"], VOCAB["[SEP]"]]
        assert window.bbox[[0, -1]].tolist() == [[0] * 4, [1000] * 4]


def test_without_layout_no_token_has_a_place(tokenizer: WordPiece) -> None:
    for kind in (LayoutLMEncoder, LayoutLMv2Encoder):
        (window,) = kind(tokenizer=tokenizer, image_size=None, layout=False).encode(page_of(["Total", "of"]))
        assert not window.bbox.any() and window.word_bbox.any()


@pytest.mark.parametrize(("mode", "size"), [("RGB", 224), ("L", 64)])
def test_pixels_equal_transformers_blue_first(tokenizer: WordPiece, mode: str, size: int) -> None:
    from transformers.models.layoutlmv2.image_processing_pil_layoutlmv2 import LayoutLMv2ImageProcessorPil

    data = picture(mode=mode)
    (window,) = LayoutLMv2Encoder(tokenizer=tokenizer, image_size=size).encode(page_of(["of"], image=data))
    image = Image.open(io.BytesIO(data)).convert("RGB")
    published = LayoutLMv2ImageProcessorPil(apply_ocr=False, size={"height": size, "width": size})
    assert window.pixels is not None and window.pixels.dtype == np.uint8
    assert np.array_equal(window.pixels, published(image)["pixel_values"][0])


def test_layoutlm_needs_no_image(tokenizer: WordPiece) -> None:
    (window,) = LayoutLMEncoder(tokenizer=tokenizer).encode(page_of(["of"]))
    assert window.pixels is None
    with pytest.raises(DocexpError, match="page p3 has no image"):
        LayoutLMv2Encoder(tokenizer=tokenizer).encode(page_of(["of"]))


def test_it_is_pure_and_travels_to_workers(tokenizer: WordPiece) -> None:
    page = page_of(WORDS * 10, image=picture())
    encoder = LayoutLMv2Encoder(tokenizer=tokenizer, image_size=32, max_tokens=64, stride=8)
    other = pickle.loads(pickle.dumps(encoder))
    for left, right in zip(encoder.encode(page), other.encode(page), strict=True):
        for name in ("input_ids", "bbox", "word_bbox", "word_index", "line_index", "starts_word", "pixels"):
            assert np.array_equal(getattr(left, name), getattr(right, name)), name
