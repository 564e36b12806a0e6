"""A run's identity: the hash of everything in its configuration that can change what it computes."""

import dataclasses
import hashlib
import importlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from docexp.errors import DocexpError

LENGTH = 12
"""Hex digits of an identity: 48 bits, so that among a million runs two share one with a chance below 0.2 %."""

EXCLUDED: dict[str, str] = {
    "experiment": "a name: the settings it stands for count themselves",
    "label": "a name: how tables call the run",
    "paths": "where things lie",
    "logger": "who is told",
    "debug": "such runs are kept apart, under .debug",
    "hydra": "how the configuration was put together",
    "data.shards": "where the data lies; its checksum counts",
    "data.corpora": "where the corpora lie; their checksums and shares count",
    "data.reader": "how the shards were made; their checksum counts",
    "data.cache": "where remote shards are kept",
    "data.cache_gb": "how many of them",
    "data.on_error": "changes nothing until a page breaks, and then the result counts what was skipped",
    "data.max_skipped": "stops a run, and changes nothing of one that goes on",
    "data.workers": "the order and the samples' randomness do not depend on it",
    "model.tokenizer": "where the tokenizer lies; its checksum counts",
    "model.weights": "how their source was spelled; the upstream run and checkpoint, or a checksum, count",
    "model.licence": "terms, not numbers",
    "hardware._target_": "which class describes the machine",
    "hardware.accelerator": "same curve within a stated tolerance",
    "hardware.nodes": "same data and masks on any number of processes",
    "hardware.devices": "same data and masks on any number of processes",
    "hardware.strategy": "same curve within a stated tolerance",
    "hardware.offload": "where optimiser states and parameters lie",
    "hardware.micro_batch": "derived: the global batch is what counts",
    "hardware.accumulation": "derived: the global batch is what counts",
    "hardware.evaluation_batch": "every sample is scored alone",
    "hardware.gradient_checkpointing": "recomputes the same activations",
    "hardware.compile": "the same computation, fused",
    "hardware.threads": "recorded, and a change on resume is said",
}
"""Every key that does not count, with the reason. All others count, ``hardware.precision`` among them."""

STAND_INS = {"data.shards": "data", "data.corpora": "data", "model.tokenizer": "tokenizer", "model.weights": "weights"}
"""Excluded places, and the name of the extra that says what lies there."""


def imported_schema(target: str) -> type:
    """The class that a ``_target_`` names.

    Raises:
        DocexpError: there is none.
    """
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DocexpError(f"_target_={target}: {error}") from error


def identity(
    config: Mapping[str, Any],
    extras: Mapping[str, Any],
    schema_of: Callable[[str], type | None] = imported_schema,
) -> str:
    """The first 12 hex digits of the sha256 of ``canonical(significant(config, extras))``.

    Args:
        config: plain and resolved, every default filled in by the schemas.
        extras: what counts but stands in no setting: ``data`` and ``tokenizer`` checksums, ``weights`` (the upstream
            run's identity and checkpoint, or a checksum). None means there is none.
        schema_of: gives the dataclass behind a ``_target_``.

    Raises:
        DocexpError: a number that is not finite, named by its key.
        ValueError: a setting names a place but ``extras`` does not say what lies there.
    """
    for key, extra in STAND_INS.items():
        if _get(config, key) not in (None, "") and extras.get(extra) is None:
            raise ValueError(f"{key} is set, so extras must hold {extra!r}")
    text = canonical(significant(without_uncounted(config, schema_of), extras))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def significant(config: Mapping[str, Any], extras: Mapping[str, Any]) -> dict[str, Any]:
    """What counts: ``config`` without the excluded keys and the groups that are not chosen, and ``extras``."""
    kept = {key: value for key, value in _without(config, "").items() if value is not None}
    present = {key: value for key, value in extras.items() if value is not None}
    return {**kept, "extras": present} if present else kept


def canonical(value: Any) -> str:
    """The one json text of a value: keys sorted, floats as short as they go, lists in order, no spaces, ASCII.

    ``1e-5`` and ``0.00001`` are the same float, hence the same text. ``1``, ``1.0`` and ``true`` stay apart: a field
    of one type has been brought to that type by its schema, and where a field takes several they may mean different
    things.

    Raises:
        DocexpError: a number that is not finite, named by its key.
    """
    return json.dumps(_checked(value, ""), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def without_uncounted(value: Any, schema_of: Callable[[str], type | None] = imported_schema) -> Any:
    """``value`` without the fields that their dataclass, which a node's ``_target_`` names, declares not to count.

    ``field(default=…, metadata={"added_default": old})``: a field that was added later does not count while it has the
    value that means the old behaviour; so a run made before it existed keeps its identity. ``{"place": True}``: a
    field that says where something lies does not count, since a checksum of what lies there does
    (``ObjectiveSettings.places``).
    """
    if isinstance(value, list | tuple):
        return [without_uncounted(item, schema_of) for item in value]
    if not isinstance(value, Mapping):
        return value
    schema = schema_of(value["_target_"]) if isinstance(value.get("_target_"), str) else None
    fields = dataclasses.fields(schema) if schema is not None and dataclasses.is_dataclass(schema) else ()
    added = {item.name: item.metadata["added_default"] for item in fields if "added_default" in item.metadata}
    places = {item.name for item in fields if item.metadata.get("place")}
    return {
        key: without_uncounted(item, schema_of)
        for key, item in value.items()
        if not (key in places or (key in added and canonical(item) == canonical(added[key])))
    }


def _without(node: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    kept = {}
    for key, value in node.items():
        path = f"{prefix}{key}"
        if path not in EXCLUDED:
            kept[key] = _without(value, f"{path}.") if isinstance(value, Mapping) else value
    return kept


def _checked(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"{key or 'the configuration'} has keys that are no strings: {list(value)}")
        return {name: _checked(item, f"{key}.{name}" if key else name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(item, f"{key}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise DocexpError(f"{key}={value} is not finite: a run needs a number here")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"{key} is a {type(value).__name__}, no plain value")
    return value


def _get(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for name in key.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node
