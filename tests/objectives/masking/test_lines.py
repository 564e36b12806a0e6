"""Which lines are covered, and where they are."""

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from docexp.objectives.masking.lines import choose_lines, line_boxes


@given(st.lists(st.integers(-1, 12), max_size=60), st.floats(0, 1), st.integers(0, 2**32))
def test_chosen_lines_have_tokens_and_are_as_many_as_the_ratio_says(tokens, ratio: float, seed: int) -> None:
    lines = choose_lines(np.random.default_rng(seed), np.array(tokens, dtype=np.int64), ratio)
    there = set(tokens) - {-1}
    assert lines.dtype == np.int64 and lines.tolist() == sorted(set(lines.tolist()))
    assert set(lines.tolist()) <= there
    assert abs(len(lines) - ratio * len(there)) < 1


def test_a_line_of_many_tokens_is_no_likelier() -> None:
    rng = np.random.default_rng(0)
    tokens = np.array([-1] * 30 + [3] * 50 + [4] + [8] * 5 + [9] * 2)
    pairs = Counter(tuple(choose_lines(rng, tokens, 0.5).tolist()) for _ in range(6000))
    assert pairs.keys() == set(itertools.combinations([3, 4, 8, 9], 2))
    assert stats.chisquare(list(pairs.values())).pvalue > 1e-4


def test_a_single_line_is_covered_in_15_of_100_pages() -> None:
    rng, draws = np.random.default_rng(0), 10_000
    covered = sum(len(choose_lines(rng, np.zeros(9, dtype=np.int64), 0.15)) for _ in range(draws))
    assert abs(covered / draws - 0.15) < 5 * np.sqrt(0.15 * 0.85 / draws)


def test_the_box_of_a_line_is_that_of_its_words() -> None:
    boxes = np.array([(0, 0, 0, 0), (100, 50, 150, 70), (160, 48, 220, 69), (5, 90, 30, 99), (1000, 1000, 1000, 1000)])
    index = np.array([-1, 7, 7, 2, -1])
    found = line_boxes(boxes, index, np.array([2, 7]))
    assert found.tolist() == [[5, 90, 30, 99], [100, 48, 220, 70]] and found.dtype == np.int64
    assert line_boxes(boxes, index, np.array([], dtype=np.int64)).shape == (0, 4)
