"""From pages to codes: each page's image made a square, its codes its own."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from docexp.documents.page import Page, PageError
from docexp.objectives.image_tokenizer.images import tokenizer_pixels
from docexp.objectives.image_tokenizer.pages import PagesTokenizer
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer, build_network


@pytest.fixture
def tokenizer(tmp_path: Path) -> ImageTokenizer:
    settings = DiscreteVAESettings(vocabulary=40, codebook_dim=8, hidden_dim=8)
    torch.manual_seed(0)
    made = ImageTokenizer(build_network(settings), settings)
    made.save(tmp_path / "tokenizer")
    return made


def page(number: int, image: bool = True) -> Page:
    pixels = np.random.default_rng(number).integers(0, 255, (50, 40, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return Page(
        id=f"p{number}",
        document_id="d",
        width=40,
        height=50,
        words=(),
        word_boxes=np.zeros((0, 4)),
        image=data.getvalue() if image else None,
    )


def test_every_page_has_the_codes_of_its_own_square_image(tokenizer: ImageTokenizer, tmp_path: Path) -> None:
    opened = PagesTokenizer(str(tmp_path / "tokenizer"), tmp_path)
    assert (opened.checksum, opened.vocabulary) == (tokenizer.checksum, 40)
    threads = torch.get_num_threads()
    codes = opened.codes([page(number) for number in range(3)], 4)
    assert torch.get_num_threads() == threads
    assert codes.shape == (3, 4, 4)
    for number in range(3):
        pixels = torch.from_numpy(tokenizer_pixels(page(number), 32))
        np.testing.assert_array_equal(codes[number], tokenizer.codes(pixels[None])[0].numpy())
    assert not np.array_equal(codes[0], codes[1])


def test_a_page_without_image_is_named(tokenizer: ImageTokenizer, tmp_path: Path) -> None:
    opened = PagesTokenizer(str(tmp_path / "tokenizer"), tmp_path)
    with pytest.raises(PageError, match="p1"):
        opened.codes([page(0), page(1, image=False)], 4)
