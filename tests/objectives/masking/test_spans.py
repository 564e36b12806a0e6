"""The law of span masking: the number, the places, the runs."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from docexp.errors import DocexpError
from docexp.objectives.masking.spans import span_mask

DRAWS = 4000


def masks(tokens: int, ratio: float, mean: float = 3.0, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    rng, maskable = np.random.default_rng(seed), np.ones(tokens, dtype=bool)
    return np.stack([span_mask(rng, maskable, ratio, mean) for _ in range(draws)])


def starts(masked: np.ndarray) -> np.ndarray:
    """Where runs of masked tokens start, ``[draws, T]``."""
    return masked & ~np.pad(masked, ((0, 0), (1, 0)))[:, :-1]


def run_lengths(masked: np.ndarray) -> Counter:
    """How many runs of each length all masks have; no run goes on in the next mask."""
    apart = np.pad(masked, ((0, 0), (1, 1))).astype(np.int8).ravel()
    steps = np.diff(apart)
    return Counter((np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)).tolist())


def span_law(mean: float, longest: int) -> np.ndarray:
    """Probability of each length from 0, Poisson without its zero."""
    law = stats.poisson.pmf(np.arange(longest + 1), mean)
    law[0] = 0
    return law / -math.expm1(-mean)


def span_numbers(total: int, mean: float) -> np.ndarray:
    """Probability of each number of spans that add up to ``total``, the last one cut: a renewal process."""
    law = span_law(mean, total)
    numbers, reached = np.zeros(total + 1), np.zeros(total)
    reached[0] = 1.0
    for number in range(1, total + 1):
        following = np.convolve(reached, law)[:total]
        numbers[number] = reached.sum() - following.sum()
        reached = following
    return numbers


@given(st.lists(st.booleans(), max_size=80), st.floats(0, 1), st.floats(1, 20), st.integers(0, 2**32))
def test_only_maskable_tokens_are_masked_and_as_many_as_the_ratio_says(flags, ratio, mean, seed) -> None:
    maskable = np.array(flags, dtype=bool)
    before = maskable.copy()
    mask = span_mask(np.random.default_rng(seed), maskable, ratio, mean)
    assert mask.shape == maskable.shape and mask.dtype == bool
    assert not (mask & ~maskable).any() and np.array_equal(maskable, before)
    assert abs(mask.sum() - ratio * maskable.sum()) < 1


@given(st.lists(st.booleans(), max_size=80), st.floats(0, 1), st.integers(0, 2**32))
def test_tokens_that_are_not_maskable_change_nothing_for_the_others(flags, ratio, seed) -> None:
    maskable = np.array(flags, dtype=bool)
    alone = span_mask(np.random.default_rng(seed), np.ones(maskable.sum(), dtype=bool), ratio)
    assert np.array_equal(span_mask(np.random.default_rng(seed), maskable, ratio)[maskable], alone)


@pytest.mark.parametrize(
    ("tokens", "ratio", "mean"), [(20, 0.3, 3.0), (100, 0.3, 3.0), (100, 0.15, 3.0), (37, 0.5, 8.0)]
)
def test_every_token_is_masked_equally_often(tokens: int, ratio: float, mean: float) -> None:
    rates = masks(tokens, ratio, mean).mean(axis=0)
    assert (abs(rates - ratio) < 5 * np.sqrt(ratio * (1 - ratio) / DRAWS)).all()


@pytest.mark.parametrize(
    ("tokens", "ratio", "mean"), [(20, 0.3, 3.0), (100, 0.3, 3.0), (510, 0.3, 3.0), (100, 0.15, 1.5)]
)
def test_the_number_of_runs_follows_from_the_number_of_spans(tokens: int, ratio: float, mean: float) -> None:
    total = round(ratio * tokens)
    spans, free = np.arange(total + 1), tokens - total
    # on the circle a span ends a run where a free token follows it, which free of spans + free - 1 others are
    on_circle = (span_numbers(total, mean) * spans * free / (spans + free - 1)).sum()
    # the cut splits a run where both its neighbours are masked: so many of the circle's pairs are
    expected = on_circle + (total - on_circle) / tokens
    runs = starts(masks(tokens, ratio, mean)).sum(axis=1)
    assert abs(runs.mean() - expected) < 5 * runs.std() / np.sqrt(DRAWS)


def test_runs_in_a_long_text_are_spans_and_spans_side_by_side() -> None:
    tokens, ratio, mean = 20_000, 0.3, 3.0
    law = span_law(mean, 60)
    spans = ratio * tokens / (mean / -math.expm1(-mean))
    beside = spans / (spans + (1 - ratio) * tokens)  # the chance that a span follows a span
    runs, chain = np.zeros(61), np.ones(1) * (1 - beside)
    for _ in range(20):
        chain = np.convolve(chain, law)[:61]
        runs[: len(chain)] += chain
        chain = chain * beside
    observed = run_lengths(masks(tokens, ratio, mean, draws=20))
    total = sum(observed.values())
    counts = np.array([observed[length] for length in range(1, 16)] + [sum(observed[n] for n in range(16, 200))])
    expected = np.append(runs[1:16], 1 - runs[1:16].sum()) * total
    assert stats.chisquare(counts, expected).pvalue > 1e-4
    assert total > 30_000 and expected.min() > 5


def test_five_tokens_by_hand() -> None:
    # two of five: one span of 2 (or longer, cut), or two of 1, which on a circle of five lie side by side in 5 of 10
    single = span_law(3.0, 1)[1]
    side_by_side = (1 - single) / 5 + single / 10
    apart = single / 10
    patterns = Counter(tuple(np.flatnonzero(mask).tolist()) for mask in masks(5, 0.4, draws=20_000))
    expected = {(a, b): side_by_side if b - a in (1, 4) else apart for a in range(5) for b in range(a + 1, 5)}
    assert sum(expected.values()) == pytest.approx(1)
    assert patterns.keys() == expected.keys()
    counts = [patterns[key] for key in expected]
    assert stats.chisquare(counts, np.array(list(expected.values())) * 20_000).pvalue > 1e-4


def test_one_token_is_masked_as_often_as_any() -> None:
    assert masks(0, 0.3, draws=3).shape == (3, 0)
    for tokens in (1, 2):
        rates = masks(tokens, 0.3, draws=20_000).mean(axis=0)
        assert (abs(rates - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 20_000)).all()


def test_everything_and_nothing() -> None:
    assert masks(30, 1.0, draws=5).all()
    assert not masks(30, 0.0, draws=5).any()


@pytest.mark.parametrize("mean", [0.0, 0.9, float("nan")])
def test_spans_of_less_than_a_token_are_refused(mean: float) -> None:
    with pytest.raises(DocexpError, match="mean_length"):
        span_mask(np.random.default_rng(0), np.ones(10, dtype=bool), 0.3, mean)
