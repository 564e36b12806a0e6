"""Means over seeds with their 95 % intervals, and whether two of them can be told apart.

Intervals are Student's: seeds are few, so the t quantile with n - 1 degrees of freedom takes the normal's place.
Two rows are compared by Welch's unequal-variances t interval of the difference (B. L. Welch, "The generalization of
'Student's' problem when several different population variances are involved", Biometrika 34, 1947), not by pairing
equal seeds: one seed draws different weights in two models, so a pair has little in common, and pairing would cost
half the degrees of freedom. Where seeds do share something (the order of the data), Welch's interval is too wide, never
too narrow. Each comparison is at 95 % by itself; with twenty rows, expect one to differ by chance.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

LEVEL = 0.95
"""Confidence of every interval."""
HIGHER, LOWER, INDISTINCT = "higher", "lower", "not distinguishable"


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds; ``half_width`` of its 95 % interval is None for a single one."""

    mean: float
    half_width: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """A row's mean less the baseline's. Without several seeds on both sides there is no interval and no verdict."""

    value: float
    half_width: float | None
    verdict: str | None
    """``higher``, ``lower`` or ``not distinguishable`` (0 lies within the interval)."""


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and Student t interval: ``t(n - 1) * s / sqrt(n)``.

    Raises:
        ValueError: no values, or one that is not finite (a diverged run is counted, not averaged).
    """
    _check(values)
    n = len(values)
    half_width = _quantile(n - 1) * statistics.stdev(values) / math.sqrt(n) if n > 1 else None
    return Estimate(statistics.fmean(values), half_width, n)


def difference(values: Sequence[float], baseline: Sequence[float]) -> Difference:
    """``mean(values) - mean(baseline)`` with Welch's interval and the Welch-Satterthwaite degrees of freedom.

    Raises:
        ValueError: as ``estimate``.
    """
    _check(values)
    _check(baseline)
    gap = statistics.fmean(values) - statistics.fmean(baseline)
    if min(len(values), len(baseline)) < 2:
        return Difference(gap, None, None)
    half_width = _welch(values, baseline)
    if abs(gap) <= half_width:
        return Difference(gap, half_width, INDISTINCT)
    return Difference(gap, half_width, HIGHER if gap > 0 else LOWER)


def _welch(left: Sequence[float], right: Sequence[float]) -> float:
    shares = [statistics.variance(side) / len(side) for side in (left, right)]
    total = sum(shares)
    if total == 0:  # every seed gave the same: nothing is left to chance
        return 0.0
    freedom = total**2 / sum(share**2 / (len(side) - 1) for share, side in zip(shares, (left, right), strict=True))
    return _quantile(freedom) * math.sqrt(total)


def _quantile(freedom: float) -> float:
    """Student's t at the upper end of the two-sided interval."""
    return float(stdtrit(freedom, 0.5 + LEVEL / 2))


def _check(values: Sequence[float]) -> None:
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"needs finite values, at least one: {list(values)}")
