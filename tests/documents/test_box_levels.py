"""Which box a word is given, against the published loader's code on real pages."""

import json

import numpy as np
import pytest

from docexp.documents.box_levels import BOX_LEVELS, level_boxes
from docexp.documents.geometry import normalise
from docexp.documents.page import Entity, Page
from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

OWN = [[10, 10, 20, 20], [30, 12, 40, 22], [50, 0, 60, 90], [10, 40, 20, 50], [70, 70, 80, 80]]
ENTITIES = (
    Entity("question", (0, 1, 2), (0, 0, 99, 99)),
    Entity("answer", (3,), (0, 0, 99, 99)),
    Entity("other", (), (0, 0, 99, 99)),
)


def page(**changes) -> Page:
    values = {
        "id": "p1",
        "width": 100,
        "height": 100,
        "words": ("Total", "sum", " ", "5", "x"),
        "word_boxes": OWN,
        "lines": ((0, 1), (3,)),
        "entities": ENTITIES,
    }
    return Page(**{**values, **changes})


def test_word_is_the_own_box():
    made = page()
    boxes = level_boxes(made, "word")
    assert boxes.tolist() == OWN
    boxes[0] = 0
    assert made.word_boxes.tolist() == OWN


def test_line_and_segment_are_unions_without_blank_words():
    around = [10, 10, 40, 22]
    expected = [around, around, OWN[2], OWN[3], OWN[4]]
    assert level_boxes(page(), "line").tolist() == expected
    assert level_boxes(page(lines=((0, 1, 2), (3,))), "line").tolist() == expected
    assert level_boxes(page(), "segment").tolist() == expected


def test_an_entity_of_blank_words_alone_changes_nothing():
    boxes = level_boxes(page(words=("", " ", "", "5", "x")), "segment")
    assert boxes.tolist() == OWN


def test_a_word_of_two_entities_takes_the_first():
    shared = (Entity("a", (0, 1), (0, 0, 9, 9)), Entity("b", (1, 3), (0, 0, 9, 9)))
    boxes = level_boxes(page(entities=shared), "segment")
    assert boxes[1].tolist() == [10, 10, 40, 22]
    assert boxes[3].tolist() == [10, 12, 40, 50]


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"lines": None}, "line", "page p1 has no lines, which box_level=line needs; use box_level=word."),
        (
            {"entities": None},
            "segment",
            "page p1 has no entities, which box_level=segment needs; use box_level=line or word.",
        ),
        (
            {"entities": None, "lines": None},
            "segment",
            "page p1 has no entities, which box_level=segment needs; use box_level=word.",
        ),
        ({}, "segments", "box_level=segments is none of word, line, segment. Nearest: segment."),
    ],
)
def test_what_is_missing_is_named_with_the_level_to_use(changes, level, text):
    with pytest.raises(DocexpError) as caught:
        level_boxes(page(**changes), level)
    assert str(caught.value) == text


def published_loader(form, size):
    """Words and boxes as layoutlmv3/layoutlmft/data/funsd.py of microsoft/unilm makes them (restated)."""
    tokens, boxes = [], []
    for item in form:
        words = [word for word in item["words"] if word["text"].strip() != ""]
        if not words:
            continue
        norm = [[int(1000 * v / size[i % 2]) for i, v in enumerate(word["box"])] for word in words]
        xs, ys = [v for box in norm for v in box[0::2]], [v for box in norm for v in box[1::2]]
        tokens += [word["text"] for word in words]
        boxes += [[min(xs), min(ys), max(xs), max(ys)]] * len(words)
    return tokens, boxes


@pytest.mark.real_data
def test_segments_of_funsd_are_those_of_the_published_loader(real_data):
    differing = 0
    for split, made in FunsdReader().pages(real_data / "funsd", Report()):
        folder = {"train": "training_data", "test": "testing_data"}[split]
        file = real_data / "funsd" / "dataset" / folder / "annotations" / f"{made.id}.json"
        form = json.loads(file.read_text(encoding="utf-8"))["form"]
        tokens, expected = published_loader(form, (made.width, made.height))
        visible = np.flatnonzero(~np.array(made.blank))
        assert [made.words[i] for i in visible] == tokens
        segments = normalise(level_boxes(made, "segment"), made.width, made.height)[visible]
        assert segments.tolist() == expected
        differing += int((segments != normalise(made.word_boxes, made.width, made.height)[visible]).any(axis=1).sum())
    assert differing > 10_000


@pytest.mark.real_data
def test_levels_of_funsd_nest(real_data):
    for number, (_, made) in enumerate(FunsdReader().pages(real_data / "funsd", Report())):
        word = made.word_boxes
        for level in BOX_LEVELS:
            boxes = level_boxes(made, level)
            assert (boxes[:, :2] <= word[:, :2]).all() and (boxes[:, 2:] >= word[:, 2:]).all()
        if number == 20:
            break
