"""Windows over a page's tokens."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.inputs.windows import owner_positions, window_spans


def starts_of(lengths: list[int]) -> np.ndarray:
    starts = np.zeros(sum(lengths), dtype=bool)
    starts[np.cumsum([0, *lengths])[:-1]] = True
    return starts


def row_of(lengths: list[int], start: int, stop: int, padding: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The window's word_index and starts_word with special tokens and padding."""
    word = np.repeat(np.arange(len(lengths)), lengths)[start:stop]
    starts = starts_of(lengths)[start:stop]
    around = (1, 1 + padding)
    return np.pad(word, around, constant_values=-1), np.pad(starts, around)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], int, int]:
    capacity = draw(st.integers(1, 30))
    stride = draw(st.integers(0, capacity - 1))
    long = st.integers(capacity, 3 * capacity)
    lengths = draw(st.lists(st.one_of(st.integers(1, 5), long), max_size=60).filter(lambda x: sum(x) > 0))
    return lengths, capacity, stride


@settings(deadline=None)
@given(cases())
def test_windows_hold_every_token_and_cut_no_word_that_fits(case: tuple[list[int], int, int]):
    lengths, capacity, stride = case
    borders = np.cumsum([0, *lengths]).tolist()
    spans = window_spans(starts_of(lengths), capacity, stride)
    assert spans == window_spans(starts_of(lengths), capacity, stride)
    assert spans[0][0] == 0 and spans[-1][1] == borders[-1]
    too_long = [(a, b) for a, b in pairwise(borders) if b - a > capacity]
    for start, stop in spans:
        assert 0 < stop - start <= capacity
        for edge in (start, stop):
            assert edge in borders or any(a < edge < b for a, b in too_long)
    for before, after in pairwise(spans):
        assert before[0] < after[0] and before[1] < after[1]  # each goes on
        assert 0 <= before[1] - after[0] <= stride  # no gap, and no more shared than asked


@settings(deadline=None)
@given(cases())
def test_neighbours_share_as_many_whole_words_as_stride_and_room_allow(case: tuple[list[int], int, int]):
    lengths, capacity, stride = case
    borders = np.cumsum([0, *lengths]).tolist()
    spans = window_spans(starts_of(lengths), capacity, stride)
    for (_, stop), (start, _) in pairwise(spans):
        if stop not in borders:
            whole = [border for border in borders if stop - stride <= border < stop]
            assert start == (whole[0] if whole else stop - stride)
            continue
        following = borders[borders.index(stop) + 1]
        fits = following - stop <= capacity
        lowest = max(stop - stride, following - capacity) if fits else stop - stride
        assert start == min(border for border in borders if border >= lowest)


def test_a_page_that_fits_is_one_window():
    assert window_spans(starts_of([]), 10, 3) == [(0, 0)]
    assert window_spans(starts_of([4, 6]), 10, 3) == [(0, 10)]


def test_examples():
    assert window_spans(starts_of([1] * 20), 10, 4) == [(0, 10), (6, 16), (12, 20)]
    assert window_spans(starts_of([3] * 6), 10, 4) == [(0, 9), (6, 15), (12, 18)]
    assert window_spans(starts_of([2, 2, 9, 1]), 10, 4) == [(0, 4), (4, 14)]  # room for the 9 comes before sharing
    assert window_spans(starts_of([2, 25, 2]), 10, 4) == [(0, 10), (6, 16), (12, 22), (18, 27), (27, 29)]


@pytest.mark.parametrize("stride", [-1, 10])
def test_windows_that_would_not_go_on_are_refused(stride: int):
    with pytest.raises(ValueError, match=f"stride {stride} "):
        window_spans(starts_of([1] * 20), 10, stride)


@settings(deadline=None)
@given(cases(), st.integers(0, 3))
def test_each_word_is_answered_where_it_has_most_around_it(case: tuple[list[int], int, int], padding: int):
    lengths, capacity, stride = case
    spans = window_spans(starts_of(lengths), capacity, stride)
    owners = owner_positions([row_of(lengths, *span, padding) for span in spans])
    firsts = np.cumsum([0, *lengths]).tolist()[:-1]
    assert sorted(owners) == list(range(len(lengths)))  # no word is without an answer
    for word, first in enumerate(firsts):
        context = [min(first - a, b - 1 - first) if a <= first < b else -1 for a, b in spans]
        row, position = owners[word]
        assert row == context.index(max(context))
        assert position == first - spans[row][0] + 1


def test_rows_without_words_own_nothing():
    assert owner_positions([row_of([], 0, 0)]) == {}
    assert owner_positions([]) == {}
