"""Splits told by the names that people give to files and folders."""

import re
from collections.abc import Iterator
from typing import TypeVar

from docexp.documents.readers.reader import SPLITS

Chosen = TypeVar("Chosen")

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "minival": "minival",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Words in the name of a file or folder that tell its split."""

WITH_VAL = {"train": "train", "val": "validation", "test": "test"}
"""The splits of datasets that call the second one ``val``."""


def chosen_splits(
    train: Chosen | None, validation: Chosen | None, test: Chosen | None
) -> Iterator[tuple[str, Chosen, str]]:
    """Each split that a reader's settings choose something for: its name, what is chosen, and the setting's name."""
    for split, chosen in zip(SPLITS, (train, validation, test), strict=True):
        if chosen is not None:
            yield split, chosen, f"data.reader.{split}"


def named_split(name: str) -> str | None:
    """The split that the words of a name tell; ``None`` where none of them does, or they tell several."""
    found = {SPLIT_NAMES[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None
