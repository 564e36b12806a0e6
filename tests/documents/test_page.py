"""The page record: what it refuses, and that nothing is lost on the way to json and back."""

import json
import math
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.documents.page import ANNOTATION_KINDS, Entity, Page, PageError, Question, Region, Relation


def page(**changes: Any) -> Page:
    values: dict[str, Any] = {
        "id": "p1",
        "width": 200,
        "height": 100,
        "words": ("TOTAL", "12.50", " "),
        "word_boxes": [(10, 10, 50, 20), (60, 10, 90, 20), (5.5, 30.25, 6.75, 40)],
    }
    return Page(**{**values, **changes})


def full_page(**changes: Any) -> Page:
    values: dict[str, Any] = {
        "document_id": "d1",
        "number": 3,
        "lines": ((0, 1),),
        "entities": (
            Entity("question", (0,), (10.0, 10.0, 50.0, 20.0), "7"),
            Entity("other", (), (0.0, 0.0, 0.0, 0.0)),
        ),
        "relations": (Relation(0, 1), Relation(1, 0, "child")),
        "document_class": "invoice",
        "document_tags": ("memo", "advertising"),
        "questions": (Question("q1", "How much?", ("12.50", "$12.50"), ("form",)), Question("q2", "When?")),
        "regions": (Region("table", (0.5, 1.0, 99.5, 50.0), 321.5, True, ((0.5, 1.0, 9.0, 1.0, 9.0, 5.0),)),),
        "reading_order": (1, 0, 2),
        "fields": {"total": ("12.50",), "date": ()},
    }
    return page(**{**values, **changes})


def through_json(original: Page) -> Page:
    return Page.from_json(json.loads(json.dumps(original.to_json())), original.image, original.image_format)


def values_of(one: Page) -> dict[str, Any]:
    return {**{name: getattr(one, name) for name in one.__dataclass_fields__}, "word_boxes": one.word_boxes.tolist()}


def test_a_page_with_every_annotation_comes_back_from_json_unchanged():
    original = full_page(image=b"bytes", image_format="webp")
    assert original.annotations == set(ANNOTATION_KINDS)
    again = through_json(original)
    assert values_of(again) == values_of(original)
    assert again.to_json() == original.to_json()
    assert "image" not in original.to_json()


def test_an_annotation_never_made_stays_apart_from_an_empty_one():
    nothing = dict.fromkeys(("lines", *ANNOTATION_KINDS), ())
    empty = page(**{**nothing, "document_class": None, "fields": {}})
    assert values_of(through_json(empty)) == values_of(empty)
    assert through_json(empty).annotations == set(ANNOTATION_KINDS) - {"document_class"}
    assert through_json(page()).annotations == frozenset()
    assert through_json(page()).lines is None


coordinate = st.floats(0, 1000).map(lambda v: v + 0.0)
box = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    boxes = draw(st.lists(box, max_size=8))
    some = st.lists(st.integers(0, len(boxes) - 1), unique=True).map(tuple) if boxes else st.just(())
    entities = draw(st.lists(st.builds(Entity, st.text(), some, box, st.text()), max_size=4).map(tuple))
    end = st.integers(0, len(entities) - 1)
    links = st.lists(st.builds(Relation, end, end, st.text()), max_size=3).map(tuple) if entities else st.just(())
    texts = st.lists(st.text(), max_size=2).map(tuple)
    return Page(
        id=draw(st.text(min_size=1)),
        width=1000.0,
        height=1000,
        words=tuple(draw(st.lists(st.text(), min_size=len(boxes), max_size=len(boxes)))),
        word_boxes=np.array(boxes).reshape(-1, 4),
        lines=draw(st.none() | some.map(lambda line: (line, ()))),
        entities=entities,
        relations=draw(links),
        document_class=draw(st.none() | st.text()),
        document_tags=draw(st.none() | st.lists(st.text(min_size=1), unique=True, max_size=3).map(tuple)),
        questions=draw(st.lists(st.builds(Question, st.text(), st.text(), texts, texts), max_size=2).map(tuple)),
        regions=draw(st.lists(st.builds(Region, st.text(), box, coordinate, st.booleans()), max_size=2).map(tuple)),
        reading_order=draw(st.none() | some),
        fields=draw(st.dictionaries(st.text(), texts, max_size=2)),
    )


@given(pages())
def test_any_page_comes_back_from_json_unchanged(original):
    assert values_of(through_json(original)) == values_of(original)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id": ""}, "a page without an id"),
        ({"document_tags": ("a", "a")}, "page p1: document_tags ['a', 'a'] are to be texts, each once"),
        ({"document_tags": ("",)}, "page p1: document_tags [''] are to be texts, each once"),
        ({"document_tags": (3,)}, "page p1: document_tags [3] are to be texts, each once"),
        ({"width": 0}, "page p1: size 0 × 100 is not positive"),
        ({"height": math.nan}, "page p1: size 200 × nan is not positive"),
        ({"height": math.inf}, "page p1: size 200 × inf is not positive"),
        ({"image_format": "gif"}, "page p1: image format 'gif' is none of png, jpg, webp, tif"),
        ({"words": ("a", "b")}, "page p1: 2 words but 3 boxes"),
        ({"words": ("a", None, "c")}, "page p1, word 1: None is not text"),
        (
            {"word_boxes": [(1, 2, 3)] * 3},
            "page p1: word_boxes: expected boxes of 4 numbers, not an array of shape (3, 3)",
        ),
        (
            {"word_boxes": [(10, 10, 50, 20), (60, 10, 30, 20), (0, 0, 1, 1)]},
            "page p1, word 1 '12.50': box (60, 10, 30, 20) has x1 < x0",
        ),
        (
            {"word_boxes": [(10, 10, 50, 20), (60, 10, 90, 20), (0, 0, 200.5, 1)]},
            "page p1, word 2 ' ': box (0, 0, 200.5, 1) is outside the page of 200 × 100",
        ),
        ({"lines": ((0, 1), (1,))}, "page p1: lines: a word index occurs twice in (0, 1, 1)"),
        ({"lines": ((0, 3),)}, "page p1: lines: a word index of (0, 3) is not below 3, the number of words"),
        ({"reading_order": (0, 0, 1)}, "page p1: reading_order: a word index occurs twice in (0, 0, 1)"),
        (
            {"reading_order": (0, -1)},
            "page p1: reading_order: a word index of (0, -1) is not below 3, the number of words",
        ),
        (
            {"entities": (Entity("answer", (0,), (0, 0, 1, 1)), Entity("header", (2, 2), (0, 0, 1, 1)))},
            "page p1, entity 1 (header): a word index occurs twice in (2, 2)",
        ),
        (
            {"entities": (Entity("key", tuple(range(20)), (0, 0, 1, 1)),)},
            "page p1, entity 0 (key): a word index of (0, 1, 2, 3, 4, 5, 6, 7, …) is not below 3, the number of words",
        ),
        (
            {"entities": (Entity("answer", (0,), (0, 0, 1, 1)), Entity("header", (1,), (0, 9, 1, 1)))},
            "page p1, entity 1 (header): box (0, 9, 1, 1) has y1 < y0",
        ),
        (
            {"entities": (Entity("answer", (), (0, 0, 1)),)},  # type: ignore[arg-type]
            "page p1: entities: expected boxes of 4 numbers, not an array of shape (1, 3)",
        ),
        (
            {"entities": (Entity("answer", (), (0, 0, 1, 1)),), "relations": (Relation(0, 0), Relation(0, 1))},
            "page p1, relation 1: 0 → 1 names an entity that is not there",
        ),
        ({"relations": (Relation(0, 0),)}, "page p1, relation 0: 0 → 0 names an entity that is not there"),
        (
            {"regions": (Region("table", (0, 0, 300, 9), 1),)},
            "page p1, region 0 (table): box (0, 0, 300, 9) is outside the page of 200 × 100",
        ),
        (
            {"regions": (Region("table", (0, 0, 3, 9), -1),)},
            "page p1, region 0 (table): area -1 is not 0 or more",
        ),
        (
            {"regions": (Region("table", (0, 0, 3, 9), 1, polygons=((0, 0, 1, 1, 2),)),)},
            "page p1, region 0 (table): a polygon needs 3 or more finite points, x and y",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, text):
    with pytest.raises(PageError) as caught:
        page(**changes)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"wrods": []}, "page p1: not a page record: .*wrods"),
        ({"image": "bytes"}, "page p1: not a page record: .*image"),
        ({"words": 5}, "page p1: not a page record: 'int' object is not iterable"),
        ({"width": "wide"}, "page p1: not a page record: "),
        ({"entities": [{"label": "x", "words": [], "box": [0, 0, 1, 1], "colour": 1}]}, "page p1: .*colour"),
        ({"relations": [[0, 1]]}, "page p1: not a page record"),
        ({"fields": ["total"]}, "page p1: not a page record"),
    ],
)
def test_a_record_that_is_no_page_is_refused(changes, text):
    with pytest.raises(PageError, match=text):
        Page.from_json({**page().to_json(), **changes})


@pytest.mark.parametrize("key", ["id", "width", "height", "words", "word_boxes"])
def test_a_record_without_a_needed_key_is_refused(key):
    record = page().to_json()
    del record[key]
    with pytest.raises(PageError, match=f"not a page record: .*'{key}'"):
        Page.from_json(record)


def test_a_page_keeps_its_own_boxes():
    boxes = np.array([(10.0, 10, 50, 20), (60, 10, 90, 20), (0, 0, 1, 1)])
    made = page(word_boxes=boxes)
    boxes[0] = 99
    assert made.word_boxes[0].tolist() == [10, 10, 50, 20]
    with pytest.raises(ValueError):
        made.word_boxes[0, 0] = 5


def test_a_page_is_its_own_document_unless_told():
    assert page().document_id == "p1"
    assert full_page().document_id == "d1"


def test_blank_words_have_no_visible_text():
    assert page(words=("", "\t ", ".")).blank == [True, True, False]


def test_a_page_of_2000_words_with_annotations_is_checked_in_under_2_ms():
    rng = np.random.default_rng(0)
    corner = rng.random((2000, 2)) * 900
    values: dict[str, Any] = {
        "id": "p",
        "width": 1000,
        "height": 1000,
        "words": tuple(f"w{i}" for i in range(2000)),
        "word_boxes": np.hstack([corner, corner + 50]),
        "lines": tuple(tuple(range(i, i + 10)) for i in range(0, 2000, 10)),
        "entities": tuple(Entity("a", tuple(range(i, i + 4)), (1.0, 2.0, 3.0, 4.0)) for i in range(0, 2000, 4)),
        "relations": tuple(Relation(i, i + 1) for i in range(499)),
        "reading_order": tuple(range(2000)),
    }
    best = math.inf
    for _ in range(30):
        start = perf_counter()
        Page(**values)
        best = min(best, perf_counter() - start)
    assert best < 2e-3, f"{best * 1e3:.2f} ms"
