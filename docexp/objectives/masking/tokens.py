"""Token-level masking (BERT, LayoutLM and LayoutLMv2), and what a masked token is replaced with."""

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.objectives.masking.count import masked_count


def token_mask(rng: np.random.Generator, maskable: NDArray[np.bool_], ratio: float) -> NDArray[np.bool_]:
    """Which tokens are masked one by one, ``[T]``: ``masked_count`` of those that are ``maskable``, ``[T]``.

    All sets of that many tokens are equally likely. Source: BERT (arXiv 1810.04805, section 3.1) masks 15 % of the
    tokens, as do LayoutLM and LayoutLMv2. Its number is fixed for a page, as here; ``masked_count`` says why a
    fraction is rounded at random and how the binomial number of other implementations differs. BERT's code takes the
    share of all tokens, special ones included; here it is of the maskable ones.

    Raises:
        DocexpError: the ratio is not between 0 and 1.
    """
    places = np.flatnonzero(maskable)
    mask = np.zeros(maskable.shape, dtype=np.bool_)
    mask[rng.choice(places, masked_count(rng, len(places), ratio), replace=False)] = True
    return mask


def replace_tokens(
    rng: np.random.Generator,
    input_ids: NDArray[np.int64],
    masked: NDArray[np.bool_],
    mask_id: int,
    candidates: NDArray[np.int64],
    *,
    keep: float = 0.1,
    random: float = 0.1,
) -> NDArray[np.int64]:
    """New ids, ``[T]``: each masked token stays, becomes a random one, or (the rest, 80 %) ``mask_id``.

    Each token draws for itself. A random token is any of ``candidates``, the ids of the ordinary tokens, and may be
    the original by chance. Source: BERT, section 3.1 (google-research/bert, create_pretraining_data.py).

    Args:
        rng: the sample's generator.
        input_ids: ``[T]``; left as they are.
        masked: ``[T]``, True at the tokens to replace.
        mask_id: the id of ``[MASK]``.
        candidates: ``[V]``, at least one where ``random`` is not 0.
        keep: probability that a masked token stays.
        random: probability that it becomes a random one.

    Raises:
        DocexpError: ``keep`` and ``random`` are no probabilities that leave one for ``mask_id``.
    """
    if not (keep >= 0 and random >= 0 and keep + random <= 1):
        raise DocexpError(
            f"keep={keep:g} and random={random:g} are no shares of the masked tokens; their sum is at most 1"
        )
    places = np.flatnonzero(masked)
    fate = rng.random(len(places))
    drawn = places[(fate >= keep) & (fate < keep + random)]
    replaced = input_ids.copy()
    replaced[places[fate >= keep + random]] = mask_id
    replaced[drawn] = rng.choice(candidates, len(drawn))
    return replaced
