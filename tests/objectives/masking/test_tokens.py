"""Token-level masking and the replacement of masked tokens."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from docexp.errors import DocexpError
from docexp.objectives.masking.tokens import replace_tokens, token_mask

MASK = 4
ORDINARY = np.arange(5, 25)


@given(st.lists(st.booleans(), max_size=80), st.floats(0, 1), st.integers(0, 2**32))
def test_only_maskable_tokens_are_masked_and_as_many_as_the_ratio_says(flags, ratio, seed) -> None:
    maskable = np.array(flags, dtype=bool)
    mask = token_mask(np.random.default_rng(seed), maskable, ratio)
    assert mask.shape == maskable.shape and mask.dtype == bool
    assert not (mask & ~maskable).any()
    assert abs(mask.sum() - ratio * maskable.sum()) < 1


def test_all_sets_of_tokens_are_equally_likely() -> None:
    rng, maskable = np.random.default_rng(0), np.array([False, True, True, True, True, False, True])
    sets = Counter(tuple(np.flatnonzero(token_mask(rng, maskable, 0.4)).tolist()) for _ in range(10_000))
    assert sets.keys() == set(itertools.combinations([1, 2, 3, 4, 6], 2))
    assert stats.chisquare(list(sets.values())).pvalue > 1e-4


def test_masked_tokens_are_replaced_80_10_10() -> None:
    tokens, rounds = 600, 200
    rng = np.random.default_rng(0)
    ids = np.tile(ORDINARY, tokens // len(ORDINARY))
    masked = np.arange(tokens) % 2 == 0
    became = np.zeros(3)  # [MASK], the same, another
    drawn: Counter = Counter()
    for _ in range(rounds):
        before, after = ids[masked], replace_tokens(rng, ids, masked, MASK, ORDINARY)
        assert np.array_equal(after[~masked], ids[~masked])
        became += [(after[masked] == MASK).sum(), (after[masked] == before).sum(), 0]
        drawn.update(after[masked][(after[masked] != MASK) & (after[masked] != before)].tolist())
    total = rounds * masked.sum()
    became[2] = total - became.sum()
    by_chance = 0.1 / len(ORDINARY)  # a random token is the original one time in twenty
    assert stats.chisquare(became, np.array([0.8, 0.1 + by_chance, 0.1 - by_chance]) * total).pvalue > 1e-4
    assert drawn.keys() == set(ORDINARY.tolist())
    # every second token: each of the ten originals is missing from its own draws
    originals = set(ids[masked].tolist())
    expected = [total * 0.1 / 20 * (1 if token not in originals else 0.9) for token in ORDINARY.tolist()]
    assert stats.chisquare([drawn[token] for token in ORDINARY.tolist()], expected, sum_check=False).pvalue > 1e-4


def test_the_ids_given_stay_as_they_are() -> None:
    ids = np.arange(5, 15)
    replaced = replace_tokens(np.random.default_rng(0), ids, np.ones(10, dtype=bool), MASK, ORDINARY)
    assert np.array_equal(ids, np.arange(5, 15)) and replaced.dtype == ids.dtype


@pytest.mark.parametrize(
    ("keep", "random", "allowed"), [(0.0, 0.0, {MASK}), (1.0, 0.0, {99}), (0.0, 1.0, set(ORDINARY.tolist()))]
)
def test_each_fate_alone(keep: float, random: float, allowed: set[int]) -> None:
    ids, masked = np.full(2000, 99), np.ones(2000, dtype=bool)
    rng = np.random.default_rng(0)
    replaced = replace_tokens(rng, ids, masked, MASK, ORDINARY, keep=keep, random=random)
    assert set(replaced.tolist()) == allowed


def test_nothing_masked_changes_nothing() -> None:
    ids = np.arange(5, 15)
    none = np.zeros(10, dtype=bool)
    assert np.array_equal(replace_tokens(np.random.default_rng(0), ids, none, MASK, ORDINARY), ids)
    assert not token_mask(np.random.default_rng(0), none, 0.5).any()


@pytest.mark.parametrize(("keep", "random"), [(-0.1, 0.1), (0.1, -0.1), (0.6, 0.5), (float("nan"), 0.1)])
def test_impossible_shares_are_refused(keep: float, random: float) -> None:
    with pytest.raises(DocexpError, match="keep="):
        replace_tokens(np.random.default_rng(0), ORDINARY, ORDINARY > 0, MASK, ORDINARY, keep=keep, random=random)
