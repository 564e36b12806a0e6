"""Images stored smaller: the same pixels for training, the original's geometry, and said in the index."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from docexp.documents.images import decode
from docexp.errors import DocexpError
from docexp.inputs.layout_encoder import page_pixels
from docexp.shards.needs import check_stored_size
from docexp.shards.store_image import StoredImages


def image(mode: str, kind: str, side: int = 90) -> bytes:
    bands = {"RGB": 3, "L": 1, "1": 1}[mode]
    values = np.random.default_rng(0).integers(0, 256, (side, 70, bands), dtype=np.uint8)
    made = Image.fromarray(values.squeeze() if bands == 1 else values).convert(mode)
    buffer = io.BytesIO()
    made.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "suffix"), [("RGB", "PNG", "png"), ("L", "JPEG", "jpg"), ("1", "TIFF", "tif")]
)
def test_png_of_the_model_s_size_gives_bit_for_bit_the_pixels_of_the_original(make_page, mode, kind, suffix):
    page = make_page("a", image=image(mode, kind), image_format=suffix)
    small = StoredImages(images="png", image_size=32).stored(page)
    assert (small.width, small.height, small.image_format) == (50, 60, "png")
    assert decode(small).size == (32, 32)
    assert np.array_equal(page_pixels(small, 32), page_pixels(page, 32))
    assert Image.open(io.BytesIO(small.image)).mode == ("RGB" if mode == "RGB" else "L")


def test_keep_keeps_the_bytes_and_jpg_is_smaller(make_page):
    page = make_page("a", image=image("RGB", "PNG"))
    assert StoredImages().stored(page).image == page.image
    jpg = StoredImages(images="jpg", quality=40).stored(page)
    assert jpg.image_format == "jpg" and len(jpg.image) < len(page.image) and decode(jpg).size == (70, 90)
    bare = make_page("b", image=None)
    assert StoredImages(images="png", image_size=8).stored(bare) is bare


def test_a_size_that_nothing_is_encoded_in_is_refused():
    with pytest.raises(DocexpError, match="images=keep does not"):
        StoredImages(image_size=224)


def test_a_model_of_larger_images_is_refused(make_set, make_page):
    index = make_set(given=[("train", make_page("a"))])
    assert index.facts.image_size is None
    check_stored_size(index, 384)
    small = replace(index, facts=replace(index.facts, images="png", image_size=224))
    for side in (None, 112, 224):
        check_stored_size(small, side)
    with pytest.raises(DocexpError, match=r"at 224 × 224, and model.image_size=384 would enlarge"):
        check_stored_size(small, 384)
    assert "images stored as png, 224 × 224" in small.place()
