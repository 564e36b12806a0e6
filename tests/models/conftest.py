"""Small models and batches."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from docexp.inputs.batch import Batch
from docexp.inputs.random_batch import random_batch
from docexp.models.backbone import Backbone, Encoded
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


@pytest.fixture(scope="session")
def outputs() -> Callable[[Encoded], dict[str, Tensor]]:
    """``outputs(encoded)``: what a backbone gave, by name."""
    return lambda encoded: {name: value for name, value in vars(encoded).items() if value is not None}


@pytest.fixture(scope="session")
def make_everything_matter() -> Callable[[nn.Module], None]:
    """Draws every parameter anew, so that none is zero or one and the biases are as large as the scores."""

    def draw_all(model: nn.Module) -> None:
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                norm = "norm" in name.lower() and name.endswith("weight")
                std = 1.0 if "rel_pos" in name else 0.2
                weight.copy_(torch.randn(weight.shape, generator=draw) * std + float(norm))

    return draw_all


@pytest.fixture(scope="session")
def check_checkpointing() -> Callable[[Callable[[], Backbone], Batch], None]:
    """Checkpointed activations change no bit of outputs and gradients, and less than half is kept for backward."""

    def check(build: Callable[[], Backbone], batch: Batch) -> None:
        def step(checkpointed: bool) -> tuple[Tensor, dict[str, Tensor], int]:
            torch.manual_seed(0)
            backbone = build()
            if checkpointed:
                backbone.checkpoint_activations()
            kept: list[int] = []
            with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
                pooled = backbone(batch).pooled
            pooled.square().sum().backward()
            return pooled, {n: w.grad for n, w in backbone.named_parameters() if w.grad is not None}, sum(kept)

        (plain, gradients, kept), (checkpointed, others, fewer) = step(False), step(True)
        assert torch.equal(plain, checkpointed)
        assert gradients.keys() == others.keys() and all(torch.equal(gradients[n], others[n]) for n in gradients)
        assert fewer < kept / 2

    return check
