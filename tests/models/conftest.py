"""Small models and batches."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from docexp.inputs.batch import Batch
from docexp.inputs.random_batch import random_batch
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
        return random_batch(lengths, vocab_size, image_size, seed)

    return batch
