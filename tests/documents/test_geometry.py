"""Boxes against the published formula, brute force, and drawn pages whose lines are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.documents.geometry import (
    area,
    as_boxes,
    boxes_to_patches,
    clip,
    first_fault,
    iou,
    normalise,
    union,
    words_to_lines,
)

WIDTH, HEIGHT = 762.0, 1000.0


def boxes_on(width: float, height: float, count: int = 20):
    x, y = st.floats(0, width), st.floats(0, height)
    box = st.tuples(x, y, x, y).map(
        lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])),
    )
    return st.lists(box, max_size=count).map(as_boxes)


def whole_boxes(width: int, height: int):
    x, y = st.integers(0, width), st.integers(0, height)
    return st.tuples(x, y, x, y).map(lambda b: [sorted((b[0], b[2])), sorted((b[1], b[3]))])


@given(st.data(), st.integers(1, 5000), st.integers(1, 5000))
def test_normalise_is_the_published_formula(data, width, height):
    (x0, x1), (y0, y1) = data.draw(whole_boxes(width, height))
    expected = [int(1000 * x0 / width), int(1000 * y0 / height), int(1000 * x1 / width), int(1000 * y1 / height)]
    assert normalise(as_boxes([x0, y0, x1, y1]), width, height).tolist() == [expected]
    assert set(expected) <= set(range(1001))


@given(boxes_on(WIDTH, HEIGHT))
def test_normalise_of_fractions_and_negatives_cuts_as_int_does(boxes):
    for sign in (1, -1):
        expected = [
            [int(1000 * v / (WIDTH, HEIGHT)[i % 2]) for i, v in enumerate(box)] for box in (sign * boxes).tolist()
        ]
        assert normalise(sign * boxes, WIDTH, HEIGHT).tolist() == expected


def test_as_boxes_takes_one_many_or_none():
    assert as_boxes([]).shape == (0, 4)
    assert as_boxes((1, 2, 3, 4)).shape == (1, 4)
    assert as_boxes([(1, 2, 3, 4), (5, 6, 7, 8)]).dtype == np.float64


@pytest.mark.parametrize(
    "values", [[[1, 2], [3, 4]], [[1, 2, 3]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4], [1]], [{}], 3, [10**400]]
)
def test_as_boxes_refuses_what_are_no_boxes(values):
    with pytest.raises(ValueError):
        as_boxes(values)


def test_as_boxes_does_not_share_memory_with_its_argument():
    values = np.zeros((2, 4))
    as_boxes(values)[0, 0] = 7
    assert values[0, 0] == 0


@given(boxes_on(WIDTH, HEIGHT))
def test_boxes_on_the_page_have_no_fault(boxes):
    assert first_fault(boxes, WIDTH, HEIGHT) is None


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((120, 40, 80, 60), "box (120, 40, 80, 60) has x1 < x0"),
        ((10, 60, 80, 40), "box (10, 60, 80, 40) has y1 < y0"),
        ((-1, 0, 5, 5), "box (-1, 0, 5, 5) is outside the page of 100 × 50"),
        ((0, -0.5, 5, 5), "box (0, -0.5, 5, 5) is outside the page of 100 × 50"),
        ((0, 0, 100.5, 5), "box (0, 0, 100.5, 5) is outside the page of 100 × 50"),
        ((0, 0, 100, 51), "box (0, 0, 100, 51) is outside the page of 100 × 50"),
        ((math.nan, 0, 5, 5), "box (nan, 0, 5, 5) is not finite"),
        ((0, 0, math.inf, 5), "box (0, 0, inf, 5) is not finite"),
        ((-math.inf, 0, 5, 5), "box (-inf, 0, 5, 5) is not finite"),
    ],
)
def test_the_first_fault_is_named(box, fault):
    boxes = as_boxes([(0, 0, 100, 50), box, (9, 9, 1, 1)])
    assert first_fault(boxes, 100, 50) == (1, fault)


@given(st.lists(st.tuples(*[st.floats(-200, 1200)] * 4), max_size=20).map(as_boxes))
def test_clip_counts_the_boxes_it_changed(boxes):
    cut, changed = clip(boxes, WIDTH, HEIGHT)
    expected = [[min(max(v, 0.0), (WIDTH, HEIGHT)[i % 2]) for i, v in enumerate(box)] for box in boxes.tolist()]
    assert cut.tolist() == expected
    assert changed == sum(a != b for a, b in zip(expected, boxes.tolist(), strict=True))


@given(boxes_on(WIDTH, HEIGHT).filter(len))
def test_union_holds_every_box_and_touches_them(boxes):
    x0, y0, x1, y1 = union(boxes)
    assert (x0, y0) == (boxes[:, 0].min(), boxes[:, 1].min())
    assert (x1, y1) == (boxes[:, 2].max(), boxes[:, 3].max())


@given(st.lists(whole_boxes(12, 12), min_size=1, max_size=4))
def test_area_and_iou_count_unit_squares(raw):
    boxes = as_boxes([[x0, y0, x1, y1] for (x0, x1), (y0, y1) in raw])
    squares = [{(x, y) for x in range(x0, x1) for y in range(y0, y1)} for (x0, x1), (y0, y1) in raw]
    assert area(boxes).tolist() == [len(s) for s in squares]
    expected = [[len(a & b) / len(a | b) if a | b else 0.0 for b in squares] for a in squares]
    assert np.allclose(iou(boxes, boxes), expected, atol=1e-12)


def words_at(rows, size=12.0, skew=0.0):
    """Rows of (x, y, text) → boxes; a character is 0.6 of the height wide, ``skew`` is the slope of the page."""
    boxes = [(x, y + skew * x, x + 0.6 * size * len(text), y + skew * x + size) for x, y, text in rows]
    return as_boxes(boxes)


def sentence(x, y, text, size=12.0):
    rows = []
    for word in text.split(" "):
        if word:
            rows.append((x, y, word))
        x += 0.6 * size * (len(word) + 1)
    return rows


def test_a_printed_line_stays_whole_and_columns_split():
    rows = [
        *sentence(20, 100, "the left column has words"),
        *sentence(300, 100, "and the right one too"),
        *sentence(20, 116, "a second row of it"),
        *sentence(300, 116, "with more.  A double space"),
    ]
    lines = words_to_lines(words_at(rows))
    assert [[rows[i][2] for i in line] for line in lines] == [
        ["the", "left", "column", "has", "words"],
        ["and", "the", "right", "one", "too"],
        ["a", "second", "row", "of", "it"],
        ["with", "more.", "A", "double", "space"],
    ]


@pytest.mark.parametrize("slope", [-0.05, -0.02, 0.02, 0.05])
def test_a_skewed_page_keeps_its_lines(slope):
    text = "a long line over most of the page that climbs by more than a line height"
    rows = [word for number in range(12) for word in sentence(10, 100 + 16 * number, text)]
    lines = words_to_lines(words_at(rows, skew=slope))
    assert sorted(map(len, lines)) == [16] * 12
    for line in lines:
        assert len({rows[i][1] for i in line}) == 1


def test_a_field_name_and_its_value_split_at_a_gap():
    rows = [*sentence(20, 100, "Date of report:"), *sentence(20 + 0.6 * 12 * 15 + 16, 100, "May 4")]
    assert [len(line) for line in words_to_lines(words_at(rows))] == [3, 2]


def test_a_dash_stands_on_its_line():
    boxes = as_boxes([(10, 100, 40, 112), (46, 105, 52, 107), (58, 100, 90, 112)])
    assert words_to_lines(boxes) == [[0, 1, 2]]


def test_a_number_printed_upwards_at_the_margin_joins_no_line():
    rows = [word for n in range(6) for word in sentence(20, 100 + 14 * n, "these lines end beside a number")]
    boxes = np.vstack([words_at(rows), (20 + 31 * 0.6 * 12 + 20, 96, 20 + 31 * 0.6 * 12 + 34, 196)])
    lines = words_to_lines(boxes)
    assert [len(rows)] in lines
    assert len(lines) == 7


def test_a_tall_word_beside_two_lines_continues_the_one_it_is_level_with():
    tall, upper, lower = (10, 100, 30, 128), (34, 100, 60, 112), (36, 112, 60, 124)
    assert words_to_lines(as_boxes([tall, upper, lower])) == [[0, 2], [1]]


def test_words_on_top_of_each_other_are_two_lines():
    boxes = as_boxes([(10, 10, 60, 30), (20, 12, 50, 26)])
    assert len(words_to_lines(boxes)) == 2


def test_order_is_top_to_bottom_and_along_a_row_left_to_right():
    boxes = as_boxes([(300, 98, 340, 110), (20, 101, 60, 113), (20, 60, 60, 72), (20, 200, 60, 212)])
    assert words_to_lines(boxes) == [[2], [1], [0], [3]]


@given(boxes_on(WIDTH, HEIGHT, count=40))
def test_every_word_is_in_exactly_one_line(boxes):
    lines = words_to_lines(boxes)
    assert sorted(i for line in lines for i in line) == list(range(len(boxes)))


def test_the_order_of_the_words_makes_no_difference():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, (600, 300), (150, 2))
    boxes = np.hstack([corner, corner + rng.uniform((5, 8), (60, 16), (150, 2))])
    order = rng.permutation(150)
    expected = words_to_lines(boxes)
    assert max(map(len, expected)) >= 3
    assert [[int(order[i]) for i in line] for line in words_to_lines(boxes[order])] == expected


def test_a_page_of_2000_words_takes_well_under_a_second():
    from time import perf_counter

    x, y = np.tile(np.arange(50) * 20.0, 40), np.repeat(np.arange(40) * 25.0, 50)
    start = perf_counter()
    lines = words_to_lines(np.stack([x, y, x + 15, y + 12], axis=1))
    assert perf_counter() - start < 1.0
    assert [len(line) for line in lines] == [50] * 40


@given(st.data(), st.integers(1, 16), st.integers(1, 16), st.integers(1, 4), st.integers(1, 4))
def test_patches_are_those_that_share_area_with_the_box(data, rows, columns, tall, broad):
    # a patch is `broad × tall` whole pixels, so that shared pixels can be counted exactly
    width, height = columns * broad, rows * tall
    (x0, x1), (y0, y1) = data.draw(whole_boxes(width, height))
    patches = boxes_to_patches(as_boxes([x0, y0, x1, y1]), width, height, (rows, columns))
    assert patches.shape == (1, rows * columns) and patches.any()
    if x0 < x1 and y0 < y1:
        expected = {(y // tall) * columns + x // broad for x in range(x0, x1) for y in range(y0, y1)}
        assert set(np.flatnonzero(patches[0]).tolist()) == expected


def test_boxes_without_area_touch_the_patches_of_their_edge():
    boxes = as_boxes([(0, 0, 0, 0), (100, 100, 100, 100), (50, 50, 50, 50), (10, 50, 90, 50)])
    patches = boxes_to_patches(boxes, 100, 100, (2, 2))
    assert [np.flatnonzero(row).tolist() for row in patches] == [[0], [3], [3], [2, 3]]
    assert boxes_to_patches(as_boxes([]), 100, 100, (2, 2)).shape == (0, 4)
