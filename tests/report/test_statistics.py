import math
import random

import pytest
from scipy import stats

from docexp.report.statistics import HIGHER, INDISTINCT, LOWER, difference, estimate


def test_by_hand():
    # 1, 2, 3, 4, 5: s = sqrt(2.5), t(0.975, 4) = 2.776445 (tables)
    result = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (result.mean, result.n) == (3.0, 5)
    assert result.half_width == pytest.approx(2.776445 * math.sqrt(2.5) / math.sqrt(5), rel=1e-6)


def test_welch_by_hand():
    # a = 1, 2, 3 (variance 1), b = 4, 6, 8 (variance 4): 1/3 + 4/3 = 5/3;
    # df = (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17 = 2.941; t(0.975, 2.941) = 3.2184
    result = difference([4.0, 6.0, 8.0], [1.0, 2.0, 3.0])
    assert result.value == 4.0
    assert result.half_width == pytest.approx(stats.t.ppf(0.975, 50 / 17) * math.sqrt(5 / 3), rel=1e-12)
    assert result.half_width == pytest.approx(4.155, abs=2e-3)
    assert result.verdict == INDISTINCT


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_estimate_equals_scipy(n):
    generator = random.Random(n)
    for _ in range(50):
        values = [generator.gauss(0.8, 0.02) for _ in range(n)]
        result = estimate(values)
        low, high = stats.t.interval(0.95, n - 1, loc=sum(values) / n, scale=stats.sem(values))
        assert (result.mean - result.half_width, result.mean + result.half_width) == pytest.approx((low, high))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 3), (3, 5), (5, 2), (20, 4)])
def test_difference_equals_scipy(n, m):
    generator = random.Random(100 * n + m)
    verdicts = set()
    for _ in range(200):
        left = [generator.gauss(0.8, 0.02) for _ in range(n)]
        right = [generator.gauss(generator.choice([0.6, 0.78, 0.8, 0.83, 1.0]), 0.05) for _ in range(m)]
        result, oracle = difference(left, right), stats.ttest_ind(left, right, equal_var=False)
        interval = oracle.confidence_interval(0.95)
        assert (result.value - result.half_width, result.value + result.half_width) == pytest.approx(
            (interval.low, interval.high)
        )
        if oracle.pvalue >= 0.05:
            assert result.verdict == INDISTINCT
        else:
            assert result.verdict == (HIGHER if oracle.statistic > 0 else LOWER)
        verdicts.add(result.verdict)
    assert len(verdicts) > 1


def test_one_in_twenty_is_wrong():
    generator = random.Random(0)

    def draw(sigma):
        return [generator.gauss(0.8, sigma) for _ in range(5)]

    wrong = sum(difference(draw(0.02), draw(0.05)).verdict != INDISTINCT for _ in range(4000))
    assert 0.03 < wrong / 4000 < 0.065


def test_a_single_seed_has_no_interval_and_no_verdict():
    assert estimate([0.5]).half_width is None
    for left, right in (([0.5], [0.1, 0.2]), ([0.1, 0.2], [0.5]), ([0.5], [0.1])):
        result = difference(left, right)
        assert result.half_width is None and result.verdict is None
    assert difference([0.5], [0.1]).value == pytest.approx(0.4)


def test_seeds_that_all_give_the_same():
    assert difference([1.0, 1.0], [0.5, 0.5]).verdict == HIGHER
    assert difference([0.5, 0.5], [1.0, 1.0]).verdict == LOWER
    assert difference([0.5, 0.5], [0.5, 0.5]).verdict == INDISTINCT
    assert estimate([0.5, 0.5]).half_width == 0


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, math.inf]])
def test_nothing_to_average_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        estimate(values)
    with pytest.raises(ValueError, match="finite"):
        difference([0.5, 0.6], values)
