"""How many things a share of them is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.objectives.masking.count import masked_count


@given(st.integers(0, 600), st.floats(0, 1), st.integers(0, 2**32))
def test_it_is_less_than_one_away_from_the_share(things: int, ratio: float, seed: int) -> None:
    count = masked_count(np.random.default_rng(seed), things, ratio)
    assert 0 <= count <= things
    assert abs(count - ratio * things) < 1


@pytest.mark.parametrize(("things", "ratio"), [(1, 0.3), (2, 0.3), (3, 0.15), (7, 0.15), (100, 0.155)])
def test_its_mean_is_the_share_exactly(things: int, ratio: float) -> None:
    rng, draws = np.random.default_rng(0), 20_000
    counts = np.array([masked_count(rng, things, ratio) for _ in range(draws)])
    part = ratio * things % 1
    assert set(counts.tolist()) == {int(ratio * things), int(ratio * things) + 1}
    assert abs(counts.mean() - ratio * things) < 5 * np.sqrt(part * (1 - part) / draws)


def test_a_whole_share_is_not_left_to_chance() -> None:
    rng = np.random.default_rng(0)
    assert {masked_count(rng, 200, 0.15) for _ in range(1000)} == {30}
    assert {masked_count(rng, 5, 1.0) for _ in range(1000)} == {5}
    assert {masked_count(rng, 5, 0.0) for _ in range(1000)} == {0}


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(ratio: float) -> None:
    with pytest.raises(DocexpError, match="from 0 to 1"):
        masked_count(np.random.default_rng(0), 10, ratio)
