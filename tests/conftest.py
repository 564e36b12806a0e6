"""Where tests find the private oracles; they skip, saying so, where these are absent."""

import os
from pathlib import Path

import pytest

from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.train_tokenizer import SMALLEST, train_tokenizer

ROOT = Path(__file__).resolve().parent.parent


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT / default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"{variable}: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Genuine samples of public datasets, in their genuine layout."""
    return _folder("DOCEXP_REAL_DATA", "../shared/data")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Numbers computed by the original authors' code."""
    return _folder("DOCEXP_GOLDEN", "../shared/golden")


@pytest.fixture(scope="session")
def byte_tokenizer() -> Tokenizer:
    """The smallest tokenizer there is: a token for every byte, and the special ones (ids 0 to 4)."""
    return train_tokenizer([["a"]], SMALLEST)
