"""WPA's labels against a brute-force version."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.objectives.masking.alignment import RULES, token_patches, unaligned

GRIDS = [1, 2, 4, 5, 7, 8, 14, 16, 24]


def brute_force(box: tuple[int, int, int, int], grid: int) -> list[bool]:
    """Patch by patch, in whole numbers: edges of patches and boxes in thousandths of a patch's side."""

    def touches(low: int, high: int, cell: int) -> bool:
        low, high, start, stop = low * grid, high * grid, cell * 1000, (cell + 1) * 1000
        if low < high:
            return low < stop and high > start
        return start <= low < stop or (cell == grid - 1 and low == stop)

    x0, y0, x1, y1 = box
    return [touches(y0, y1, row) and touches(x0, x1, column) for row in range(grid) for column in range(grid)]


@st.composite
def boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    edge = st.integers(0, 1000) | st.sampled_from([0, 125, 250, 500, 875, 1000])
    x0, x1 = sorted((draw(edge), draw(edge)))
    y0, y1 = sorted((draw(edge), draw(edge)))
    return x0, y0, x1, y1


@given(st.lists(boxes(), min_size=1, max_size=8), st.sampled_from(GRIDS))
def test_patches_are_those_found_one_by_one(given_boxes, grid: int) -> None:
    patches = token_patches(np.array(given_boxes), grid)
    assert patches.tolist() == [brute_force(box, grid) for box in given_boxes]
    assert patches.any(axis=1).all()


@given(st.lists(boxes(), min_size=1, max_size=8), st.sampled_from(GRIDS), st.data())
def test_labels_are_those_found_one_by_one(given_boxes, grid: int, data) -> None:
    masked = np.array(data.draw(st.lists(st.booleans(), min_size=grid**2, max_size=grid**2)))
    patches = token_patches(np.array(given_boxes), grid)
    for token, box in enumerate(given_boxes):
        hidden = [bool(masked[patch]) for patch, covered in enumerate(brute_force(box, grid)) if covered]
        shown = len(hidden) - sum(hidden)
        assert unaligned(patches, masked, "any")[token] == any(hidden)
        assert unaligned(patches, masked, "majority")[token] == (sum(hidden) > shown)
        assert unaligned(patches, masked, "all")[token] == all(hidden)


def test_a_page_of_four_patches_by_hand() -> None:
    #         a corner      a row                 the page             a point          the last point
    tokens = [(0, 0, 9, 9), (10, 500, 990, 510), (0, 0, 1000, 1000), (500, 0, 500, 0), (1000, 1000, 1000, 1000)]
    patches = token_patches(np.array(tokens), 2)
    assert [np.flatnonzero(row).tolist() for row in patches] == [[0], [2, 3], [0, 1, 2, 3], [1], [3]]
    masked = np.array([False, True, True, False])
    assert unaligned(patches, masked, "any").tolist() == [False, True, True, True, False]
    assert unaligned(patches, masked, "majority").tolist() == [False, False, False, True, False]
    assert unaligned(patches, masked, "all").tolist() == [False, False, False, True, False]


def test_no_tokens_and_no_masked_patches() -> None:
    assert token_patches(np.zeros((0, 4), dtype=np.int64), 14).shape == (0, 196)
    patches = token_patches(np.array([(0, 0, 1000, 1000)]), 14)
    for rule in RULES:
        assert not unaligned(patches, np.zeros(196, dtype=bool), rule).any()
        assert unaligned(patches, np.ones(196, dtype=bool), rule).all()


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(DocexpError, match="rule=most"):
        unaligned(np.ones((1, 4), dtype=bool), np.ones(4, dtype=bool), "most")
