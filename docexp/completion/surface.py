"""What each verb takes, read from the constants of its file: the same that the verb itself checks its words with."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERBS = Path(__file__).resolve().parent.parent / "verbs"
EVERY = "*"
"""Stands for every group in a verb's ``GROUPS``."""


@dataclass(frozen=True)
class Surface:
    """The words of one verb, or of one of its commands."""

    arguments: dict[str, str] = field(default_factory=dict)
    """Each argument with what its value is: ``file``, ``folder``, ``text``, or choices separated by ``|``."""
    flags: tuple[str, ...] = ("--help",)
    groups: tuple[str, ...] = ()
    """Groups whose choices and settings are overrides of this verb."""
    commands: tuple[str, ...] = ()
    """The words that may come first, such as ``prepare`` of ``data``."""
    runs: bool = False
    """Whether its other words name runs."""
    studies: bool = False
    """Whether its other word names a study."""


def surface(verb: str, command: str = "") -> Surface:
    """What ``docexp VERB [COMMAND]`` takes; the verb's module is not imported."""
    names = _constants(VERBS / f"{verb}.py")
    commands = names.get("COMMANDS", {})
    if command in commands:
        names = {**names, **dict(zip(("ARGUMENTS", "FLAGS", "GROUPS"), commands[command], strict=True))}
    arguments = names.get("ARGUMENTS", {})
    return Surface(
        arguments if isinstance(arguments, dict) else dict.fromkeys(arguments, "text"),
        tuple(dict.fromkeys((*names.get("FLAGS", ()), "--help"))),
        tuple(names.get("GROUPS", ())),
        () if command in commands else tuple(commands),
        bool(names.get("RUNS", False)),
        bool(names.get("STUDIES", False)),
    )


def _constants(file: Path) -> dict[str, Any]:
    """The upper-case names of a file that stand for plain values."""
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else ():
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id.isupper() and value is not None:
            try:
                found[target.id] = ast.literal_eval(value)
            except ValueError:
                continue  # made of other names: no plain value
    return found
