"""Splits told by the names that people give to files and folders."""

import re

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


def named_split(name: str) -> str | None:
    """The split that the words of a name tell; ``None`` where none of them does, or they tell several."""
    found = {SPLIT_NAMES[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None
