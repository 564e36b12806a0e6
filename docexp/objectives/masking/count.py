"""How many of some things a share of them is."""

import math

import numpy as np

from docexp.errors import DocexpError


def masked_count(rng: np.random.Generator, things: int, ratio: float) -> int:
    """``ratio × things`` as a whole number, rounded up or down at random so that its mean is exactly that.

    It is up with the probability of the fraction: 3 lines at 0.15 are one line in 45 % of the draws, 200 tokens at
    0.15 always 30. So each thing is masked with the probability ``ratio`` on short pages too, and the number varies as
    little as it can. ``max(1, round(...))`` of google-research/bert, create_pretraining_data.py, always masks the only
    token of a page; the binomial number of transformers' ``DataCollatorForLanguageModeling`` has the same mean as
    this one, but at 200 tokens and 0.15 a standard deviation of 5.

    Raises:
        DocexpError: the ratio is not between 0 and 1.
    """
    if not 0 <= ratio <= 1:
        raise DocexpError(f"ratio={ratio:g} is no share of a whole; use a number from 0 to 1")
    return min(math.floor(ratio * things + rng.random()), things)
