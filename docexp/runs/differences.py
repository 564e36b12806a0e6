"""In what several configurations differ, and how to say it briefly."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from docexp.runs.identity import canonical, significant

CHECKSUM = re.compile("[0-9a-f]{32,}")
CHECKSUM_SHOWN = 12
ABSENT = "–"
"""Shown where a configuration does not have a key at all."""


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by dotted key: ``{"optim": {"lr": 1}}`` gives ``{"optim.lr": 1}``; lists stay whole."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            result.update({f"{key}.{inner}": item for inner, item in flat(value).items()})
        else:
            result[key] = value
    return result


def differing(flats: Sequence[Mapping[str, Any]]) -> list[str]:
    """The dotted keys whose values are not the same in all, in the order in which they are met."""
    keys = dict.fromkeys(key for config in flats for key in config)
    return [key for key in keys if len({_text(config, key) for config in flats}) > 1]


def partition(flats: Sequence[Mapping[str, Any]], key: str) -> tuple[int, ...]:
    """For each configuration, the first one that has the same value of ``key``."""
    texts = [_text(config, key) for config in flats]
    return tuple(texts.index(text) for text in texts)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Each dotted key by as few of its last parts as tell it from the others.

    A ``_target_`` has its node's name, and the identity's extras their whole one: ``weights.run``.
    """
    parts = {key: tuple(key.removesuffix("._target_").removeprefix("extras.").split(".")) for key in keys}
    names = {}
    for key, own in parts.items():
        others = [other for name, other in parts.items() if name != key]
        length = len(own) if key.startswith("extras.") else 1
        while length < len(own) and any(other[-length:] == own[-length:] for other in others):
            length += 1
        names[key] = ".".join(own[-length:])
    return {key: key if list(names.values()).count(name) > 1 else name for key, name in names.items()}


def shown(config: Mapping[str, Any], key: str) -> str:
    """The value of a dotted key for a person.

    ``–`` where it is absent, the class's own name for a ``_target_``, the beginning of a checksum.
    """
    if key not in config:
        return ABSENT
    value = config[key]
    if key.endswith("_target_"):
        return str(value).rpartition(".")[2]
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown({'': item}, '') for item in value)}]"
    return value[:CHECKSUM_SHOWN] if isinstance(value, str) and CHECKSUM.fullmatch(value) else str(value)


def describe_each(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each configuration, the settings that tell it from the others, as in ``seed=1 lr=1e-05``."""
    flats = [flat(significant(config, {})) for config in configs]
    names = short_names(differing(flats))
    return [" ".join(f"{name}={shown(config, key)}" for key, name in names.items()) for config in flats]


def _text(config: Mapping[str, Any], key: str) -> str:
    return canonical(config[key]) if key in config else ABSENT
