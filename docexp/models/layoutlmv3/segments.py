"""Segments of a text as the Chinese LayoutLMv3 reads them: runs of tokens that share a box."""

import torch
from torch import Tensor


def segments_of(bbox: Tensor, there: Tensor) -> Tensor:
    """The segment of every token, ``[B, T]``: a new one begins where the box changes; padding has one of its own.

    Source: ``get_segment_ids`` in microsoft/unilm, layoutlmv3/layoutlmft/data/xfund.py, and the collator's padding in
    data_collator.py.

    Args:
        bbox: ``[B, T, 4]``, at whichever box level was chosen.
        there: ``[B, T]`` bool, False at padding.
    """
    changes = (bbox[:, 1:] != bbox[:, :-1]).any(dim=-1) | (there[:, 1:] != there[:, :-1])
    return torch.cat([torch.zeros_like(there[:, :1], dtype=torch.int64), changes.long()], dim=1).cumsum(dim=1)


def positions_in_segments(segments: Tensor, there: Tensor, pad_token_id: int) -> Tensor:
    """Positions that begin anew in every segment, ``[B, T]``, from ``pad_token_id + 1``; padding has the padding's.

    Source: ``get_position_ids`` in the same file, which counts from 2 with a padding id of 1.
    """
    place = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    first = torch.ones_like(segments, dtype=torch.bool)
    first[:, 1:] = segments[:, 1:] != segments[:, :-1]
    start = torch.where(first, place, 0).cummax(dim=1).values
    return torch.where(there, place - start + pad_token_id + 1, pad_token_id)
