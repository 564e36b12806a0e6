"""Small image tokenizers of both kinds."""

from collections.abc import Callable

import pytest
import torch

from docexp.objectives.image_tokenizer.sizes import DalleSize, DiscreteVAESize, TokenizerSize
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer

SIZES = {
    "discrete_vae": DiscreteVAESize(vocabulary=300, code_dim=8, width=8),
    "dall_e": DalleSize(vocabulary=300, width=8, blocks=1, code_dim=8),
}


def made(kind: str, seed: int = 0) -> ImageTokenizer:
    torch.manual_seed(seed)
    size: TokenizerSize = SIZES[kind]
    model = size.build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 4  # drawn as usual, the biases alone would decide
    return ImageTokenizer(size, model)


@pytest.fixture
def make() -> Callable[..., ImageTokenizer]:
    """``make(kind, seed)`` draws a small tokenizer."""
    return made


@pytest.fixture(params=list(SIZES))
def tokenizer(request: pytest.FixtureRequest) -> ImageTokenizer:
    return made(request.param)
