"""How soft the choice of codes is while an image tokenizer trains."""

import math

EVERY = 100
"""Steps between two falls of the temperature (DALLE-pytorch, train_vae.py)."""


def temperature_at(step: int, first: float, lowest: float, rate: float) -> float:
    """The temperature of a step, by the step alone, so that a resumed run goes on as it would have.

    DALLE-pytorch multiplies it every 100 steps by ``exp(-rate · step)``: after ``k`` falls the exponents make up
    ``-rate · 100 · k (k + 1) / 2``.

    Args:
        step: counted from 0.
        first: of step 0.
        lowest: below which it does not fall.
        rate: see above.
    """
    falls = step // EVERY
    return max(lowest, first * math.exp(-rate * EVERY * falls * (falls + 1) / 2))
