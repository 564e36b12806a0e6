"""A composed configuration against its schemas: strict, filled with defaults, and named when it is wrong."""

import dataclasses
import importlib
import typing
from collections.abc import Sequence
from typing import Any

from docexp.config.compose import Composed
from docexp.config.schema import GROUPS, RunSettings
from docexp.config.sources import Sources
from docexp.errors import DocexpError, nearest

TOP = {"seed": 0, "label": ""}
"""Settings that are in no group, with their defaults."""


def check(composed: Composed) -> RunSettings:
    """Every node merged into the dataclass of its ``_target_``; nothing heavy is imported or built.

    Raises:
        DocexpError: an unknown key, a wrong type, a value out of range, a contradiction; it names the key, the file it
            came from, and the nearest valid name.
    """
    sources = Sources(composed)
    config = dict(composed.config)
    refuse_unknown(config, "a run", sources)
    groups, plain = {}, {}
    for group, base in GROUPS.items():
        if config.get(group) is None:
            choices = ", ".join(composed.project.choices(group))
            raise DocexpError(f"{group} is not set. Choose one: {group}=… ({choices}).")
        groups[group], plain[group] = fill(config[group], group, base, sources)
    for key, default in TOP.items():
        value = config.get(key, default)
        if type(value) is not type(default):
            raise DocexpError(f"{key}={value!r} ({sources.of(key)}) must be of type {type(default).__name__}.")
        groups[key] = plain[key] = value
    experiment = composed.choices.get("experiment", "custom")
    settings = RunSettings(**groups, experiment=experiment, plain={"experiment": experiment, **plain})
    _check_together(settings)
    return settings


def refuse_unknown(config: dict[str, Any], owner: str, sources: Sources, arguments: Sequence[str] = ()) -> None:
    """Refuses a first-level key that is no setting of a run, nor one of a verb's own ``arguments``."""
    known = [*arguments, *GROUPS, *TOP]
    for key in config:
        if key not in known:
            raise _unknown(key, owner, known, sources)


def fill(node: Any, path: str, base: type, sources: Sources) -> tuple[Any, dict[str, Any]]:
    """The node as an instance of its dataclass, and as a plain dict with every default filled in.

    Args:
        node: a mapping with ``_target_``, the dotted name of a dataclass.
        path: the node's dotted key, for messages.
        base: what the dataclass must be a subclass of.
        sources: knows which file a key came from.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    schema = _schema(node, path, base, sources)
    hints = typing.get_type_hints(schema)
    fields = {item.name: item for item in dataclasses.fields(schema) if item.init}
    values = {key: value for key, value in node.items() if key != "_target_"}
    nested: dict[str, tuple[Any, dict[str, Any] | None]] = {}
    for key, value in list(values.items()):
        if key not in fields:
            raise _unknown(f"{path}.{key}", path, [f"{path}.{name}" for name in fields], sources)
        if value == "???":  # a merge would leave it out, and the default would silently take its place
            raise DocexpError(f"{path}.{key} needs a value: {path}.{key}=…")
        kind = _node_type(hints[key])
        if kind is not None:
            del values[key]
            nested[key] = (None, None) if value is None else fill(value, f"{path}.{key}", kind, sources)
    typed = dataclasses.make_dataclass(
        schema.__name__, [_typed(hints[name], item) for name, item in fields.items() if _node_type(hints[name]) is None]
    )
    try:
        merged = OmegaConf.merge(OmegaConf.structured(typed), values)
        plain = OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise _mistyped(error, path, hints, sources) from None
    assert isinstance(plain, dict)
    arguments = {str(key): value for key, value in plain.items()}
    try:
        instance = schema(**arguments, **{key: built for key, (built, _) in nested.items()})
    except DocexpError as error:
        raise DocexpError(f"{path}: {error}") from None
    filled = {**arguments, **{key: dump for key, (_, dump) in nested.items()}}
    for name, hint in hints.items():
        if name in fields and _node_type(hint) is not None and name not in nested:
            filled[name] = None
    return instance, {"_target_": node["_target_"], **filled}


def _typed(hint: Any, item: dataclasses.Field[Any]) -> tuple[str, Any, Any]:
    if item.default is not dataclasses.MISSING:
        return item.name, hint, dataclasses.field(default=item.default)
    if item.default_factory is not dataclasses.MISSING:
        return item.name, hint, dataclasses.field(default_factory=item.default_factory)
    return item.name, hint, dataclasses.field(default="???")


def _node_type(hint: Any) -> type | None:
    """The dataclass that a field of this type holds as a node of its own, or None for a plain value."""
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return kind
    return None


def _schema(node: Any, path: str, base: type, sources: Sources) -> type:
    if not isinstance(node, dict):
        raise DocexpError(f"{path}={node!r} ({sources.of(path)}) must be a group of settings, not a value.")
    target = node.get("_target_")
    if not isinstance(target, str) or "." not in target:
        raise DocexpError(f"{path} ({sources.of(path)}) has no _target_: the dotted name of its settings' dataclass.")
    module, _, name = target.rpartition(".")
    try:
        schema = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DocexpError(f"{path}._target_={target} ({sources.of(f'{path}._target_')}): {error}.") from error
    if not (isinstance(schema, type) and issubclass(schema, base) and dataclasses.is_dataclass(schema)):
        raise DocexpError(f"{path}._target_={target} is no {base.__name__} ({base.__module__}).")
    return schema


def _unknown(key: str, owner: str, known: list[str], sources: Sources) -> DocexpError:
    close = nearest(key, known)
    hint = f"Nearest: {close[0]}." if close else f"Settings: {', '.join(known)}."
    return DocexpError(f"{key} is no setting of {owner} ({sources.of(key)}). {hint}")


def _mistyped(error: Any, path: str, hints: dict[str, Any], sources: Sources) -> DocexpError:
    key = f"{path}.{error.full_key}" if error.full_key else path
    name = str(error.full_key or "").split(".")[0].split("[")[0]
    hint = hints.get(name)
    wanted = getattr(hint, "__name__", str(hint)) if typing.get_origin(hint) is None else str(hint)
    if "Missing" in type(error).__name__:
        return DocexpError(f"{key} needs a value: {key}=…")
    reason = str(error).splitlines()[0]
    return DocexpError(f"{key} ({sources.of(key)}) must be {wanted}: {reason}")


def _check_together(settings: RunSettings) -> None:
    missing = settings.task.needs - settings.model.provides
    if missing:
        raise DocexpError(
            f"this model provides {_names(settings.model.provides)}; this task needs {_names(settings.task.needs)}. "
            f"Set the model to give {_names(missing)}, or choose another task."
        )
    settings.hardware.check_batch(settings.trainer.global_batch)
    longest, multiple = settings.model.max_tokens, settings.data.pad_to_multiple
    if longest % multiple:
        raise DocexpError(f"model.max_tokens={longest} must be a multiple of data.pad_to_multiple={multiple}")


def _names(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"
