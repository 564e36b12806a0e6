"""Pages that come twice are found though their bytes differ, and pages of one printed form are kept apart."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from docexp.documents.images import decode
from docexp.documents.synthetic import SyntheticForms, SyntheticReceipts
from docexp.shards.check import check
from docexp.shards.check.alike import close_pairs, linked, look, wording


def again(page, change=lambda image: image, **options):
    """The page's image encoded anew, after a change."""
    data = io.BytesIO()
    change(decode(page)).save(data, "JPEG", **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def forms():
    return [SyntheticForms().page("train", number) for number in range(8)]


def texts(index):
    found = check(index)
    assert not [finding for finding in found if finding.fault]
    return [finding.text for finding in found]


def test_copies_in_other_quality_and_size_are_named_across_splits(make_set, forms) -> None:
    small = replace(forms[1], id="small", document_id="s", image=again(forms[1], lambda im: im.resize((340, 440))))
    poor = replace(forms[2], id="poor", document_id="p", image=again(forms[2], quality=30))
    found = texts(make_set(given=[*(("train", page) for page in forms), ("test", small), ("test", poor)]))
    for name, original in (("small", forms[1]), ("poor", forms[2])):
        for start in ("2 images look alike: ", "2 pages have the same words: "):
            lines = [text for text in found if text.startswith(start) and f"sample {name} (test)" in text]
            assert len(lines) == 1 and f"sample {original.id} (" in lines[0]
    assert len(found) == 4


def test_pages_of_one_form_are_not_copies(make_set, forms) -> None:
    receipts = [SyntheticReceipts(train=8).page("train", number) for number in range(8)]
    assert texts(make_set(given=[("train", page) for page in (*forms, *receipts)])) == []


def test_blank_pages_are_like_nothing() -> None:
    rng = np.random.default_rng(0)
    paper = np.clip(rng.normal(245, 6, (880, 680)), 0, 255).astype(np.uint8)
    assert look(Image.fromarray(paper)) is None
    assert look(Image.new("RGB", (600, 800), "white")) is None


def test_words_count_without_case_and_spaces_and_few_do_not() -> None:
    words = [f"word{n}" for n in range(10)]
    assert wording(words) == wording(["", "WORD0 word1", *words[2:], " "]) is not None
    assert wording(words) != wording(words[::-1])
    assert wording(words[:9]) is None


def test_many_groups_are_summed_up(make_set, make_page) -> None:
    given = [("train", make_page(f"p{n}", number=n // 2, entities=None)) for n in range(60)]
    found = texts(make_set(given=given))
    assert len(found) == 21 and found[-1].startswith("one image comes several times: 10 more cases, ")


def test_close_looks_are_paired_and_others_not() -> None:
    rng = np.random.default_rng(1)
    looks = rng.integers(0, 2**64, (3000, 4), np.uint64)
    for bits in range(8):  # flipped far apart
        copy = np.unpackbits(looks[bits].view(np.uint8))
        copy[rng.choice(256, bits, replace=False)] ^= 1
        looks[2990 + bits] = np.packbits(copy).view(np.uint64)
    chosen = np.ones(3000, bool)
    chosen[0] = False
    assert close_pairs(looks, chosen).tolist() == [[n, 2990 + n] for n in range(1, 8)]
    assert close_pairs(looks, np.zeros(3000, bool)).shape == (0, 2)


def test_linked_rows() -> None:
    assert sorted(linked(np.array([[7, 9], [2, 3], [9, 20]]))) == [[2, 3], [7, 9, 20]]
    assert linked(np.empty((0, 2), np.int64)) == []
