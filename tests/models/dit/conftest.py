"""A small DiT."""

from collections.abc import Callable

import pytest

from docexp.models.dit import DiTSettings

SMALL = {
    "layers": 3,
    "heads": 4,
    "hidden_size": 48,
    "ffn_size": 64,
    "image_size": 64,
    "drop_path": 0.0,
}


@pytest.fixture(scope="session")
def small_dit() -> Callable[..., DiTSettings]:
    """``small_dit(**changes)``: the settings of a model of 16 patches, without dropout."""
    return lambda **changes: DiTSettings(**{**SMALL, **changes})
