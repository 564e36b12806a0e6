"""Relative-position biases of the attention scores: looking them up, and a start that favours what is near."""

import torch
from torch import Tensor

LOCAL_DECAY = 16.0
"""How much lower than near ones the steepest head starts to score what lies at the farthest distance (in nats)."""


def relative_bias(table: Tensor, positions: Tensor, buckets: Tensor) -> Tensor:
    """What is added to the score of every pair of positions, ``[B, H, L, L]``: queries first, then keys.

    ``H`` heads, ``L`` positions in a row.

    Args:
        table: a weight for each head and bucket, ``[H, bins]``.
        positions: integers, ``[B, L]``.
        buckets: the bucket of each distance (key minus query) from ``-m`` to ``m``, ``[2 * m + 1]``. What is farther
            away shares the bucket of ``-m`` or ``m``.
    """
    farthest = buckets.shape[0] // 2
    distance = positions.unsqueeze(-2) - positions.unsqueeze(-1)
    column = distance.clamp(-farthest, farthest) + farthest
    # gather and not table[:, column]: with several CPU threads the backward of indexing adds in the order in which they
    # arrive, so that equal runs end with unequal weights
    by_distance = table.index_select(1, buckets).expand(len(positions), -1, -1)
    index = column.flatten(1).unsqueeze(1).expand(-1, table.shape[0], -1)
    return by_distance.gather(2, index).unflatten(2, column.shape[1:])


def local_table(buckets: Tensor, bins: int, heads: int, head_size: int) -> Tensor:
    """A table ``[heads, bins]`` whose weights fall with distance: the first head's fastest, the last one's not at all.

    The fall is linear in the distance, as in ALiBi (Press et al. 2022, arXiv 2108.12409), with slopes that are evenly
    spaced over the heads. It is ``LOCAL_DECAY`` at the farthest distance after the model's division by
    ``sqrt(head_size)``.
    """
    farthest = buckets.shape[0] // 2
    distance = torch.arange(-farthest, farthest + 1, device=buckets.device).abs() / farthest
    nearest = torch.zeros(bins, device=buckets.device).scatter_reduce(0, buckets, distance, "amin", include_self=False)
    slopes = torch.linspace(1, 0, heads, device=buckets.device) * LOCAL_DECAY * head_size**0.5
    return -slopes.unsqueeze(1) * nearest
