"""What a setting may be, declared in its type: checks, help and shell completion all read it there.

``layers: AtLeast1``, ``schedule: Literal["linear", "cosine"]`` and ``dropout: ShareBelow1`` say all there is to say; a
settings class adds code only for what several of its fields must fulfil together. Imports nothing heavy.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from docexp.errors import DocexpError, nearest


@dataclass(frozen=True)
class Range:
    """Where a number must lie."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return not (
            (self.at_least is not None and value < self.at_least)
            or (self.above is not None and value <= self.above)
            or (self.at_most is not None and value > self.at_most)
            or (self.below is not None and value >= self.below)
        )

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"between {self.at_least:,} and {self.at_most:,}"
        limits = {"at least": self.at_least, "above": self.above, "at most": self.at_most, "below": self.below}
        return " and ".join(f"{word} {limit:,}" for word, limit in limits.items() if limit is not None)


@dataclass(frozen=True)
class Place:
    """A text that names a file or folder, so that a shell can complete it."""


AtLeast0 = Annotated[int, Range(at_least=0)]
AtLeast1 = Annotated[int, Range(at_least=1)]
NotNegative = Annotated[float, Range(at_least=0)]
Positive = Annotated[float, Range(above=0)]
Share = Annotated[float, Range(at_least=0, at_most=1)]
PositiveShare = Annotated[float, Range(above=0, at_most=1)]
ShareBelow1 = Annotated[float, Range(at_least=0, below=1)]
Folder = Annotated[str, Place()]


@dataclass(kw_only=True)
class Settings:
    """The base of a settings class: its values fit their declared types and ranges, however it was made.

    Raises:
        DocexpError: names the first field that does not, and what it may be.
    """

    def __post_init__(self) -> None:
        for name, hint in hints_of(type(self)).items():
            fault = first_fault(hint, getattr(self, name))
            if fault:
                raise DocexpError(f"{name}{fault.place}={shown(fault.value)} {fault.reason}")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a value; ``place`` is ``[1]`` for the second item of a list, else empty."""

    place: str
    value: Any
    reason: str


def hints_of(schema: type) -> dict[str, Any]:
    """The declared types of a dataclass' fields, in their order, with ranges and choices."""
    hints = typing.get_type_hints(schema, include_extras=True)
    return {item.name: hints[item.name] for item in dataclasses.fields(schema) if item.init}


def first_fault(hint: Any, value: Any) -> Fault | None:
    """The first thing in ``value`` that its declared type does not allow; types themselves are OmegaConf's to check."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None or dataclasses.is_dataclass(value):
        return None
    if kind in (Union, types.UnionType):
        return first_fault(next(argument for argument in arguments if argument is not types.NoneType), value)
    if kind in (list, dict):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        faults = ((key, first_fault(arguments[-1], item)) for key, item in items)
        return next((Fault(f"[{key}]{f.place}", f.value, f.reason) for key, f in faults if f), None)
    reason = _reason(hint, value)
    return Fault("", value, reason) if reason else None


def _reason(hint: Any, value: Any) -> str:
    """Why a single value does not fit, or nothing."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind is Literal and value not in arguments:
        close = nearest(str(value), list(arguments))
        return f"is none of {', '.join(arguments)}." + (f" Nearest: {close[0]}." if close else "")
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number{_limits(hint)}"
    limits = next((part for part in arguments if isinstance(part, Range)), None) if kind is Annotated else None
    if limits is None or value in limits:
        return ""
    return f"must {'lie' if limits.at_most is not None else 'be'} {limits}"


def empty_fault(value: Any, default: Any, hint: Any) -> str | None:
    """Why an empty text is no value of a field, or None: it is one where it is the default, as of ``label``."""
    if value != "" or default == "":
        return None
    return "has no value: write null to unset it" if types.NoneType in typing.get_args(hint) else "has no value"


def plain_type(hint: Any) -> Any:
    """The type without ranges and choices, as OmegaConf knows it."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind is Annotated:
        return plain_type(arguments[0])
    if kind is Literal:
        return type(arguments[0])
    if kind in (Union, types.UnionType):
        return Union[tuple(map(plain_type, arguments))]  # noqa: UP007
    if kind is list:
        return list[plain_type(arguments[0])]
    if kind is dict:
        return dict[arguments[0], plain_type(arguments[1])]
    return hint


def node_type(hint: Any) -> type | None:
    """The dataclass that a field of this type holds as a node of its own, or None for a plain value."""
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return kind
    return None


def choices_of(hint: Any) -> list[str]:
    """The values of a field that has only a few, as they are typed; empty for any other."""
    if hint is bool:
        return ["true", "false"]
    if typing.get_origin(hint) is Literal:
        return list(typing.get_args(hint))
    if typing.get_origin(hint) in (Union, types.UnionType):
        found = [choice for argument in typing.get_args(hint) for choice in choices_of(argument)]
        return [*found, "null"] if found and types.NoneType in typing.get_args(hint) else found
    return []


def is_place(hint: Any) -> bool:
    """Whether a field names a file or folder."""
    return any(isinstance(item, Place) for item in _parts(hint))


def words_for(hint: Any) -> str:
    """The type in words, as in ``must be …``: ``a whole number, at least 1``, ``word, line or segment``."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", types.NoneType: "null"}
    if kind is Annotated:
        words = words_for(arguments[0]) + _limits(hint)
    elif kind is Literal:
        words = " or ".join(filter(None, [", ".join(arguments[:-1]), *arguments[-1:]]))
    elif kind in (Union, types.UnionType):
        words = " or ".join(map(words_for, arguments))
    elif kind is list and typing.get_origin(arguments[0]) is Literal:
        words = f"a list in brackets, each {words_for(arguments[0])}"
    elif kind is list:
        noun, *limits = words_for(arguments[0]).removeprefix("a ").split(", ")
        words = ", ".join([f"a list of {noun}s in brackets", *limits])
    elif kind is dict:
        words = f"a mapping in braces, each value {words_for(arguments[1])}"
    else:
        words = plain.get(hint) or getattr(hint, "__name__", str(hint))
    return words


def shown(value: Any) -> str:
    """A value as one would type it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{shown(item)}" for key, item in value.items()) + "}"
    return str(value)


def _limits(hint: Any) -> str:
    limits = next((str(item) for item in _parts(hint) if isinstance(item, Range)), "")
    return f", {limits}" if limits else ""


def _parts(hint: Any) -> Iterator[Any]:
    for part in typing.get_args(hint):
        yield part
        yield from _parts(part)
