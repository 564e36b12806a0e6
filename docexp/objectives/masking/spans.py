"""Span masking of text tokens (LayoutLMv3's MLM)."""

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.objectives.masking.count import masked_count


def span_mask(
    rng: np.random.Generator, maskable: NDArray[np.bool_], ratio: float, mean_length: float = 3.0
) -> NDArray[np.bool_]:
    """Which tokens are masked in spans, ``[T]``, of those that are ``maskable``, ``[T]``.

    - The number of masked tokens is ``masked_count`` of the maskable ones: exactly that, since spans do not overlap.
    - Lengths are drawn from Poisson(``mean_length``) until they add up to the number. A draw of 0 is drawn again: for
      BART it inserts a mask token, but an inserted token would have no box. So a span is drawn with
      ``mean_length / (1 - exp(-mean_length))`` tokens on average, 3.16 for 3. The last is cut to what is left.
    - Spans and free tokens are put in random order on a circle, which is cut open anywhere. So every maskable token,
      the first and the last too, is masked with the same probability. A span that the cut meets is masked as two
      pieces, at the end of the text and at its start.
    - Spans may lie side by side and are one run then. A span passes over tokens that are not maskable: where they stand
      changes nothing in the law.

    Source: LayoutLMv3 (arXiv 2204.08387, section 3.2) masks 30 % of the text tokens in spans of Poisson(3) lengths; how
    is unpublished. BART's generator, which the paper points to (fairseq, ``add_whole_word_mask``), lets spans overlap,
    so it masks fewer tokens than the ratio says, and starts spans anywhere but before the text, so it masks the first
    tokens least.

    Raises:
        DocexpError: the ratio is not between 0 and 1, or the mean length is below 1.
    """
    if not mean_length >= 1:
        raise DocexpError(f"mean_length={mean_length:g} is below one token; use 1 or more")
    places = np.flatnonzero(maskable)
    count = masked_count(rng, len(places), ratio)
    mask = np.zeros(maskable.shape, dtype=np.bool_)
    mask[places] = _on_a_circle(rng, _lengths(rng, count, mean_length), len(places) - count)
    return mask


def _lengths(rng: np.random.Generator, total: int, mean: float) -> list[int]:
    """Span lengths that add up to ``total``."""
    lengths, left = [], total
    while left:
        length = min(int(rng.poisson(mean)), left)
        if length:
            lengths.append(length)
            left -= length
    return lengths


def _on_a_circle(rng: np.random.Generator, spans: list[int], free: int) -> NDArray[np.bool_]:
    """Spans and ``free`` single tokens in random order, the circle they lie on cut open anywhere; True in spans."""
    order = rng.permutation(len(spans) + free)
    lengths = np.array(spans + [1] * free, dtype=np.int64)
    circle = np.repeat(order < len(spans), lengths[order])
    return np.roll(circle, rng.integers(max(len(circle), 1)))
