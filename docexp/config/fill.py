"""One node of a configuration into the dataclass of its ``_target_``: strict, and filled with defaults."""

import dataclasses
import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, get_origin

from docexp.config.sources import Sources
from docexp.errors import DocexpError, nearest
from docexp.settings import empty_fault, first_fault, hints_of, node_type, plain_type, shown, words_for

MISSING = "???"
"""What a yaml writes where a value must be given."""


def fill(node: Any, path: str, base: type, sources: Sources) -> tuple[Any, dict[str, Any]]:
    """The node as an instance of its dataclass, and as a plain dict with every default filled in.

    Args:
        node: a mapping with ``_target_``, the dotted name of a dataclass.
        path: the node's dotted key, for messages.
        base: what the dataclass must be a subclass of.
        sources: knows which file a key came from.

    Raises:
        DocexpError: an unknown key, a wrong type, a value out of range; with key, source and the nearest valid name.
    """
    schema = schema_of(node, path, base, sources)
    values = {key: value for key, value in node.items() if key != "_target_"}
    instance, plain = fill_values(schema, values, path, sources)
    return instance, {"_target_": node["_target_"], **plain}


def fill_values(schema: type, values: Mapping[str, Any], path: str, sources: Sources) -> tuple[Any, dict[str, Any]]:
    """``fill`` for a dataclass that is known; ``path`` is empty for settings that are in no group."""
    hints = hints_of(schema)
    prefix = f"{path}." if path else ""
    nested: dict[str, tuple[Any, Any]] = {}
    for key, value in values.items():
        if key not in hints:
            raise unknown(f"{prefix}{key}", path, [f"{prefix}{name}" for name in hints], sources)
        if value == MISSING:  # a merge would leave it out, and the default would silently take its place
            raise _missing(f"{prefix}{key}", hints[key], sources)
        kind = node_type(hints[key])
        if kind is not None and get_origin(hints[key]) is dict:
            nested[key] = _mapping(kind, value, f"{prefix}{key}", sources)
        elif kind is not None:
            nested[key] = (None, None) if value is None else fill(value, f"{prefix}{key}", kind, sources)
    flat = {key: value for key, value in values.items() if key not in nested}
    arguments = _typed(schema, flat, prefix, sources)
    for name, value in arguments.items():
        _check_value(prefix, name, value, schema, sources)
    try:
        instance = schema(**arguments, **{key: built for key, (built, _) in nested.items()})
    except DocexpError as error:
        raise DocexpError(f"{path}: {error}" if path else str(error)) from None
    filled = {**arguments, **{key: plain for key, (_, plain) in nested.items()}}
    return instance, {name: filled.get(name) for name in hints if name in filled or node_type(hints[name])}


def _mapping(schema: type, node: Any, path: str, sources: Sources) -> tuple[dict[str, Any], dict[str, Any]]:
    """A mapping whose values are nodes of one dataclass, which need no ``_target_``."""
    if not isinstance(node, dict):
        raise DocexpError(f"{path}={shown(node)} ({sources.of(path)}) must be a mapping: a name, and its settings.")
    built, plain = {}, {}
    for name, values in node.items():
        place = f"{path}.{name}"
        if not isinstance(values, dict):
            fields = ", ".join(hints_of(schema))
            raise DocexpError(f"{place}={shown(values)} ({sources.of(place)}) must be settings in braces: {fields}.")
        built[str(name)], plain[str(name)] = fill_values(schema, values, place, sources)
    return built, plain


def schema_of(node: Any, path: str, base: type, sources: Sources) -> type:
    """The dataclass that a node's ``_target_`` names.

    Raises:
        DocexpError: there is none, its module does not import, or it is no concrete subclass of ``base``.
    """
    if not isinstance(node, dict):
        group = path.partition(".")[0]
        hint = f" Write {group}={shown(node)}." if shown(node) in sources.choices(group) else ""
        raise DocexpError(f"{path}={shown(node)} ({sources.of(path)}) must be a group of settings, not a value.{hint}")
    target = node.get("_target_")
    if not isinstance(target, str) or "." not in target:
        raise DocexpError(f"{path} ({sources.of(path)}) has no _target_: the dotted name of its settings' dataclass.")
    module, _, name = target.rpartition(".")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # whatever somebody's module does when it is imported
        where = _target(target, path, sources)
        raise DocexpError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    schema = getattr(found, name, None)
    if schema is None:
        close = nearest(name, [key for key, value in vars(found).items() if dataclasses.is_dataclass(value)])
        hint = f" Nearest: {module}.{close[0]}." if close else ""
        raise DocexpError(f"{_target(target, path, sources)}: {module} has no {name}.{hint}")
    if not (isinstance(schema, type) and issubclass(schema, base) and dataclasses.is_dataclass(schema)):
        raise DocexpError(f"{_target(target, path, sources)} is no {base.__name__} ({base.__module__}).")
    if inspect.isabstract(schema):
        lacking = ", ".join(sorted(getattr(schema, "__abstractmethods__", ())))
        where = _target(target, path, sources)
        raise DocexpError(f"{where} is abstract, it lacks {lacking}. Name a subclass that has them.")
    return schema


def _target(target: str, path: str, sources: Sources) -> str:
    return f"{path}._target_={target} ({sources.of(f'{path}._target_')})"


def unknown(key: str, owner: str, known: Iterable[str], sources: Sources) -> DocexpError:
    """The refusal of a key: with the setting of that very name in another group, else the nearest of ``known``."""
    known = list(known)
    leaf = key.rpartition(".")[2]
    elsewhere = [name for name in sources.settings() if name.rpartition(".")[2] == leaf]
    close = nearest(key, known) or nearest(key, sources.settings())
    if elsewhere:
        hint = f"It belongs to another group: {' or '.join(elsewhere)}." if "." in key else f"Write {elsewhere[0]}."
    else:
        hint = f"Nearest: {close[0]}." if close else f"Settings: {', '.join(known)}."
    return DocexpError(f"{key} is no setting of {owner or sources.owner} ({sources.of(key)}). {hint}")


def _typed(schema: type, values: Mapping[str, Any], prefix: str, sources: Sources) -> dict[str, Any]:
    """The values brought to their declared types, defaults filled in; nodes of their own are left out."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    hints = {name: hint for name, hint in hints_of(schema).items() if node_type(hint) is None}
    fields = {item.name: item for item in dataclasses.fields(schema)}
    typed = dataclasses.make_dataclass(schema.__name__, [_field(fields[name], hint) for name, hint in hints.items()])
    try:
        merged = OmegaConf.merge(OmegaConf.structured(typed), dict(values))
        plain = OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        name = str(error.full_key or "").split(".")[0].split("[")[0]
        text = f"{prefix}{name}={shown(values.get(name))} ({sources.of(prefix + name)})"
        if values.get(name) == "":
            raise DocexpError(f"{text} has no value: it must be {words_for(hints[name])}.") from None
        raise DocexpError(f"{text} must be {words_for(hints[name])}.") from None
    assert isinstance(plain, dict)
    for name, value in plain.items():
        if value == MISSING:
            raise _missing(f"{prefix}{name}", hints[str(name)], sources)
    return {str(key): value for key, value in plain.items()}


def _missing(key: str, hint: Any, sources: Sources) -> DocexpError:
    return DocexpError(f"{key} needs a value ({sources.of(key)}): {key}=…, {words_for(hint)}.")


def _field(item: dataclasses.Field[Any], hint: Any) -> tuple[str, Any, Any]:
    kind = plain_type(hint)
    if item.default is not dataclasses.MISSING:
        return item.name, kind, dataclasses.field(default=item.default)
    if item.default_factory is not dataclasses.MISSING:
        return item.name, kind, dataclasses.field(default_factory=item.default_factory)
    return item.name, kind, dataclasses.field(default=MISSING)


def _check_value(prefix: str, name: str, value: Any, schema: type, sources: Sources) -> None:
    hint = hints_of(schema)[name]
    default = next(item.default for item in dataclasses.fields(schema) if item.name == name)
    key, empty = f"{prefix}{name}", empty_fault(value, default, hint)
    if empty:
        raise DocexpError(f"{key}= ({sources.of(key)}) {empty}.")
    fault = first_fault(hint, value)
    if fault:
        reason = fault.reason if fault.reason.endswith(".") else f"{fault.reason}."
        raise DocexpError(f"{key}{fault.place}={shown(fault.value)} ({sources.of(key)}) {reason}")
