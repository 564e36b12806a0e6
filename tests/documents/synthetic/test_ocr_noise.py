"""OCR noise: what it does to words and boxes, and that annotations still name the right words."""

import random
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.documents.geometry import as_boxes
from docexp.documents.page import Entity, Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticArticles, SyntheticForms, SyntheticQuestions
from docexp.documents.synthetic.ocr import LOOKALIKES, OcrNoise, add_ocr_noise, misread


@lru_cache
def _page(number: int) -> Page:
    if number == 0:
        return SyntheticForms(noise="none").page("train", 0)
    if number == 1:
        return SyntheticQuestions(noise="none").document("train", 0)[0]
    return SyntheticArticles(noise="none", stored="shuffled").document("train", number)[0]


def _texts(page: Page) -> list[str]:
    return ["".join(page.words[word] for word in entity.words) for entity in page.entities or ()]


@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(0, 3),
    rates=st.lists(st.sampled_from([0.0, 0.05, 0.5, 1.0]), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_any_noise_gives_a_valid_page_that_depends_on_the_seed_alone(
    number: int, rates: list[float], seed: int
) -> None:
    page, noise = _page(number), OcrNoise(*rates)
    noisy = add_ocr_noise(page, noise, random.Random(seed), Report())
    assert noisy.to_json() == add_ocr_noise(page, noise, random.Random(seed), Report()).to_json()
    assert sorted(noisy.reading_order or ()) == list(range(len(noisy.words)))
    assert len(noisy.entities or ()) == len(page.entities or ())
    assert [entity.box for entity in noisy.entities or ()] == [entity.box for entity in page.entities or ()]
    named = [word for entity in noisy.entities or () for word in entity.words]
    assert sorted(named) == list(range(len(noisy.words))), "every word is in one entity, as before"
    assert sorted(word for line in noisy.lines or () for word in line) == list(range(len(noisy.words)))
    for entity in noisy.entities or ():  # pieces of words still lie in the entity's box
        boxes = noisy.word_boxes[list(entity.words)]
        assert (boxes[:, :2] >= np.array(entity.box[:2]) - 1e-6).all()
        assert (boxes[:, 2:] <= np.array(entity.box[2:]) + 1e-6).all()
    assert (noisy.questions, noisy.fields, noisy.regions) == (page.questions, page.fields, page.regions)
    assert noisy.image == page.image


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(
    "noise",
    [OcrNoise(split=0.5), OcrNoise(merged=0.7), OcrNoise(moved=0.6), OcrNoise(split=0.4, merged=0.5, moved=0.3)],
)
def test_splits_merges_and_moves_keep_every_letter_of_every_entity(number: int, noise: OcrNoise) -> None:
    page = _page(number)
    noisy = add_ocr_noise(page, noise, random.Random(3), Report())
    assert noisy.words != page.words
    assert _texts(noisy) == _texts(page)
    order, before = noisy.reading_order or (), page.reading_order or ()
    assert "".join(noisy.words[word] for word in order) == "".join(page.words[word] for word in before)


def test_a_split_words_boxes_share_its_box_by_letters() -> None:
    page = _page(0)
    noisy = add_ocr_noise(page, OcrNoise(split=1.0), random.Random(0), Report())
    place = 0
    for word, (x0, y0, x1, y1) in zip(page.words, page.word_boxes, strict=True):
        if len(word) < 2:
            place += 1
            continue
        one, two = noisy.words[place], noisy.words[place + 1]
        assert one + two == word
        cut = x0 + (x1 - x0) * len(one) / len(word)
        assert np.allclose(noisy.word_boxes[place], (x0, y0, cut, y1))
        assert np.allclose(noisy.word_boxes[place + 1], (cut, y0, x1, y1))
        place += 2
    assert place == len(noisy.words)


def test_words_of_two_entities_are_never_merged() -> None:
    boxes = as_boxes([[10 * n, 0, 10 * n + 8, 9] for n in range(4)])
    entities = tuple(Entity(label, words, (0, 0, 40, 9)) for label, words in (("a", (0,)), ("b", (1, 2)), ("c", (3,))))
    page = Page("p", 40, 9, ("one", "two", "three", "four"), boxes, lines=((0, 1, 2, 3),), entities=entities)
    noisy = add_ocr_noise(page, OcrNoise(merged=1.0), random.Random(0), Report())
    assert noisy.words == ("one", "twothree", "four")
    assert noisy.word_boxes.tolist() == [[0, 0, 8, 9], [10, 0, 28, 9], [30, 0, 38, 9]]
    assert [entity.words for entity in noisy.entities or ()] == [(0,), (1,), (2,)]
    assert noisy.lines == ((0, 1, 2),)


def test_words_that_do_not_follow_each_other_in_the_reading_order_are_never_merged() -> None:
    boxes = as_boxes([[0, 0, 8, 9], [10, 0, 18, 9]])
    page = Page("p", 40, 9, ("one", "two"), boxes, lines=((0, 1),), reading_order=(1, 0))
    assert add_ocr_noise(page, OcrNoise(merged=1.0), random.Random(0), Report()).words == ("one", "two")


def test_dropped_words_leave_their_entities() -> None:
    page = _page(0)
    noisy = add_ocr_noise(page, OcrNoise(dropped=0.4), random.Random(0), Report())
    assert 0.4 < len(noisy.words) / len(page.words) < 0.8
    for entity, before in zip(noisy.entities or (), page.entities or (), strict=True):
        kept = [noisy.words[word] for word in entity.words]
        assert set(kept) <= {page.words[word] for word in before.words}
    empty = add_ocr_noise(page, OcrNoise(dropped=1.0), random.Random(0), Report())
    assert (empty.words, empty.lines, empty.reading_order) == ((), (), ())
    assert all(not entity.words for entity in empty.entities or ())


def test_moved_lines_stay_whole() -> None:
    page = _page(2)
    noisy = add_ocr_noise(page, OcrNoise(moved=0.3), random.Random(0), Report())
    lines = {tuple(page.words[word] for word in line) for line in page.lines or ()}
    for line in noisy.lines or ():
        assert tuple(noisy.words[word] for word in line) in lines
        assert list(line) == list(range(line[0], line[0] + len(line)))


def test_rates_are_kept_and_counted() -> None:
    report = Report()
    pages = [_page(number) for number in range(2, 8)]
    words = sum(len(page.words) for page in pages)
    for page in pages:
        add_ocr_noise(page, OcrNoise(0.1, 0.05, 0.02, 0.03, 0.1), random.Random(page.id), report)
    counts = {name.split(" by ")[0]: count for name, count in report.kept.items()}
    assert counts["words with a misread character"] / words == pytest.approx(0.1, abs=0.02)
    assert counts["words split in two"] / words == pytest.approx(0.05, abs=0.015)
    assert counts["words merged with the next"] / words == pytest.approx(0.02, abs=0.01)
    assert counts["words dropped"] / words == pytest.approx(0.03, abs=0.01)
    assert counts["lines stored elsewhere"] > 10
    one = Report()
    one.note("words dropped by the OCR noise", 1, one="word dropped by the OCR noise")
    assert one.lines() == ["kept, with a note: 1 word dropped by the OCR noise"]


def test_without_noise_the_page_is_the_same_object() -> None:
    assert add_ocr_noise(_page(0), OcrNoise(), random.Random(0), Report()) is _page(0)


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=12), st.integers(0, 99))
def test_a_misread_word_is_another_word(text: str, seed: int) -> None:
    assert misread(text, random.Random(seed)) != text


def test_look_alikes_are_taken_for_each_other() -> None:
    assert misread("rnx", random.Random(0)) == "mx"
    assert misread("0", random.Random(0)) == "O"
    assert misread("xyz", random.Random(0)) in ("yz", "xz", "xy")
    assert misread("x", random.Random(0)) == "x."
    assert all(print_ != read for print_, read in LOOKALIKES)
