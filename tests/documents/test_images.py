"""Encoded images to pixels: what is refused, and what Pillow's plain conversion gets wrong."""

import io

import numpy as np
import pytest
from PIL import Image

from docexp.documents import images
from docexp.documents.images import decode, inspect
from docexp.documents.page import Page, PageError


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def page(data: bytes | None) -> Page:
    return Page(id="p1", width=8, height=6, words=(), word_boxes=np.zeros((0, 4)), image=data)


@pytest.mark.parametrize(("kind", "name"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("TIFF", "tif")])
def test_each_format_is_recognised_and_decoded(kind, name):
    data = encoded(Image.new("RGB", (8, 6), (200, 200, 200)), kind)
    assert inspect(data, "f") == (name, 8, 6)
    picture = decode(page(data))
    assert (picture.mode, picture.size) == ("RGB", (8, 6))
    assert np.allclose(np.asarray(picture), 200, atol=2)


def test_a_page_without_an_image_says_what_to_do():
    with pytest.raises(PageError, match=r"page p1 has no image; use model.image=none or data with images"):
        decode(page(None))


def noise() -> bytes:
    return encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)))


@pytest.mark.parametrize("data", [b"", b"no image at all", noise()[:-700], noise()[:20]])
def test_what_does_not_decode_is_refused_by_name(data):
    with pytest.raises(PageError, match=r"^page p1: its image does not decode"):
        decode(page(data))
    with pytest.raises(PageError, match=r"^scan.png: its image does not decode"):
        inspect(data, "scan.png")


def test_a_format_that_no_shard_holds_is_refused():
    with pytest.raises(PageError, match=r"^scan.gif: GIF images are not supported; use png, jpg, webp, tif"):
        inspect(encoded(Image.new("L", (8, 6)), "GIF"), "scan.gif")


def test_an_image_beyond_the_bound_is_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 47)
    with pytest.raises(PageError, match=r"page p1: image of 8 × 6 is beyond 47 pixels"):
        decode(page(encoded(Image.new("L", (8, 6)))))


def test_the_bound_lies_below_the_size_at_which_pillow_itself_warns():
    assert Image.MAX_IMAGE_PIXELS is not None and images.MAX_PIXELS < Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_paper_is_white(mode):
    ink = Image.new(mode, (8, 6), 0)
    ink.putpixel((3, 2), (0, 0, 0, 255) if mode == "RGBA" else (0, 255))
    pixels = np.asarray(decode(page(encoded(ink))))
    assert pixels[2, 3].tolist() == [0, 0, 0]
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_sixteen_bit_grey_keeps_its_scale():
    grey = Image.fromarray(np.array([[0, 256, 32768, 65535]], dtype=np.uint16))
    for kind in ("PNG", "TIFF"):
        assert np.asarray(decode(page(encoded(grey, kind))))[0, :, 0].tolist() == [0, 1, 128, 255]
