"""Small models and batches."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from docexp.inputs.batch import Batch
from docexp.models.layoutlmv3 import LayoutLMv3Settings

torch.set_num_threads(1)

SMALL = {
    "layers": 2,
    "heads": 4,
    "hidden_size": 48,
    "ffn_size": 64,
    "coordinate_size": 8,
    "shape_size": 8,
    "max_tokens": 64,
    "image_size": 64,
}


@pytest.fixture(scope="session")
def small() -> Callable[..., LayoutLMv3Settings]:
    """``small(**changes)``: the settings of a model with 17 visual tokens, without dropout."""

    def settings(**changes: Any) -> LayoutLMv3Settings:
        return LayoutLMv3Settings(**{**SMALL, "dropout": 0.0, "attention_dropout": 0.0, **changes})

    return settings


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """``make_batch(lengths)``: a batch of random rows of these lengths, padded to the longest with token 1."""

    def batch(lengths: Sequence[int], vocab_size: int = 120, image_size: int | None = 64, seed: int = 0) -> Batch:
        draw = torch.Generator().manual_seed(seed)
        rows, longest = len(lengths), max(lengths)
        there = torch.arange(longest) < torch.tensor(lengths)[:, None]
        corner = torch.randint(0, 500, (rows, longest, 2), generator=draw)
        size = torch.randint(1, 500, (rows, longest, 2), generator=draw)
        bbox = torch.cat([corner, corner + size], dim=-1) * there[..., None]
        owner = torch.where(there, torch.arange(rows)[:, None], -1)
        return Batch(
            input_ids=torch.randint(5, vocab_size, (rows, longest), generator=draw).where(there, 1),
            bbox=bbox,
            word_bbox=bbox,
            word_index=owner,
            line_index=owner,
            starts_word=there,
            owner=owner,
            pixels=None
            if image_size is None
            else torch.randint(0, 256, (rows, 3, image_size, image_size), generator=draw, dtype=torch.uint8),
            targets={},
            keys=[str(row) for row in range(rows)],
            filler=[False] * rows,
            references=[None] * rows,
        )

    return batch
