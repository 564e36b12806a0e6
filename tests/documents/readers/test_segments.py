import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.documents.geometry import as_boxes
from docexp.documents.readers.segments import split_segment


def test_words_share_a_segment_by_their_characters():
    words, boxes = split_segment("TOTAL RM 9.00", as_boxes([100, 10, 230, 30])[0])
    assert words == ["TOTAL", "RM", "9.00"]
    assert boxes.tolist() == [[100, 10, 150, 30], [160, 10, 180, 30], [190, 10, 230, 30]]


def test_spaces_around_the_text_take_no_width():
    words, boxes = split_segment("  AB C ", as_boxes([0, 0, 40, 10])[0])
    assert words == ["AB", "C"]
    assert boxes.tolist() == [[0, 0, 20, 10], [30, 0, 40, 10]]


def test_chinese_is_cut_into_characters():
    words, boxes = split_segment("汇丰 晋", as_boxes([0, 0, 40, 10])[0], by_character=True)
    assert words == ["汇", "丰", "晋"]
    assert boxes[:, 0].tolist() == [0, 10, 30]


@pytest.mark.parametrize("text", ["", "  "])
def test_a_segment_without_text_is_a_blank_word(text):
    words, boxes = split_segment(text, as_boxes([1, 2, 3, 4])[0])
    assert (words, boxes.tolist()) == ([""], [[1, 2, 3, 4]])


@given(st.text(" ab,", min_size=1), st.floats(0, 1e4), st.floats(0, 1e4))
def test_words_stay_inside_and_in_order(text, left, width):
    box = as_boxes([left, 5, left + width, 9])[0]
    words, boxes = split_segment(text, box)
    assert " ".join(words) == " ".join(text.split())
    assert (boxes[:, 0] >= box[0]).all() and (boxes[:, 2] <= box[2]).all()
    assert (boxes[:, 0] <= boxes[:, 2]).all()
    assert (np.diff(boxes[:, 0]) >= 0).all()
