"""Names of tensors: as checkpoints of different times spell them, as globs choose them, and in short.

Imports no torch.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from docexp.errors import DocexpError, nearest

if TYPE_CHECKING:
    from torch import Tensor

OLD_ENDINGS = {".gamma": ".weight", ".beta": ".bias"}
"""How the first BERT checkpoints, converted from TensorFlow, call the parameters of layer norms."""

TEXT_SIDE = (
    "embeddings.word_embeddings.",
    "embeddings.position_embeddings.",
    "embeddings.token_type_embeddings.",
    "embeddings.LayerNorm.",
    "encoder.layer.",
)
"""The beginnings, without prefix, of what BERT shares with the families that grew out of it."""

SHOWN = 3
"""Names that a message gives of a longer list."""

PATTERNS = 24
"""More names of one part of a model, each standing for many, nobody reads."""

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def modern(tensors: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The same tensors under today's names of layer norms' parameters."""
    return {_modern_name(name): tensor for name, tensor in tensors.items()}


def _modern_name(name: str) -> str:
    for old, new in OLD_ENDINGS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def chooses(pattern: str, name: str) -> bool:
    """Whether ``pattern`` chooses ``name``: as its whole name, as a glob, or as the module that it lies in.

    ``encoder.layer.1`` chooses ``encoder.layer.1.output.dense.bias``, not ``encoder.layer.11…``.
    """
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def matching(patterns: Iterable[str], names: Iterable[str], setting: str) -> set[str]:
    """The names that any of ``patterns`` chooses.

    Args:
        patterns: globs.
        names: what there is to choose from.
        setting: what the patterns were given for; named in a refusal.

    Raises:
        DocexpError: a pattern that matches nothing.
    """
    there = list(names)
    found: set[str] = set()
    for pattern in patterns:
        chosen = {name for name in there if chooses(pattern, name)}
        if not chosen:
            raise DocexpError(f"{setting}: {pattern} matches none of {len(there)} names.{_hint(pattern, there)}")
        found |= chosen
    return found


def _hint(pattern: str, names: list[str]) -> str:
    modules = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 2)}
    close = nearest(pattern, sorted(modules))
    known = close or sorted({name.split(".")[0] for name in names})
    return f" {'Nearest' if close else 'There are'}: {', '.join(known)}." if known else ""


def in_short(names: Iterable[str]) -> str:
    """All names, complete but compact: ``encoder.layer.{0-11}.output.dense.{bias,weight}``.

    A part of the model that would take more than ``PATTERNS`` of these stands as one, counted: ``visual.* (534)``.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    for name in names:
        parts[name.partition(".")[0]].append(name)
    spelled: list[str] = []
    for part, its in parts.items():
        patterns = _patterns(its)
        spelled += patterns if len(patterns) <= PATTERNS else [f"{part}.* ({len(its)})"]
    return ", ".join(sorted(spelled))


def _patterns(names: Iterable[str]) -> list[str]:
    by_stem: dict[str, set[str]] = defaultdict(set)
    for name in names:
        stem, _, last = name.rpartition(".")
        by_stem[stem].add(last)
    by_shape: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for stem, lasts in by_stem.items():
        number = _NUMBER.search(f"{stem}.")
        shape = f"{stem[: number.start()]}#{stem[number.end() :]}" if number else stem
        by_shape[shape, tuple(sorted(lasts))] += [int(number.group())] if number else []
    return [_spelled(shape, lasts, numbers) for (shape, lasts), numbers in by_shape.items()]


def _spelled(shape: str, lasts: tuple[str, ...], numbers: list[int]) -> str:
    last = lasts[0] if len(lasts) == 1 else f"{{{','.join(lasts)}}}"
    stem = shape.replace("#", _ranges(sorted(numbers)), 1) if numbers else shape
    return f"{stem}.{last}" if stem else ", ".join(lasts)


def _ranges(numbers: list[int]) -> str:
    """``{0-3,7}``; a single number as it is."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return texts[0] if len(numbers) == 1 else f"{{{','.join(texts)}}}"


def some(names: Iterable[str]) -> str:
    """The first names of a list that may be long, and how many more there are."""
    shown = sorted(names)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
