"""Splitting a verb's words: its own ``key=value`` arguments, runs or other names, and configuration overrides."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from docexp.errors import DocexpError, nearest


@dataclass(frozen=True)
class Words:
    """``arguments`` are the verb's own, ``overrides`` go to Hydra, ``names`` have no ``=``, ``flags`` begin with -."""

    arguments: dict[str, str]
    overrides: list[str]
    names: list[str]
    flags: frozenset[str]


def default_runs() -> str:
    """The folder of runs that ``conf/paths/default.yaml`` names too."""
    return os.environ.get("DOCEXP_RUNS", "runs")


def chosen_command(verb: str, words: Sequence[str], commands: Collection[str]) -> tuple[str, list[str]] | None:
    """The command that a verb's first word names, and the words behind it; None where help is asked for.

    Raises:
        DocexpError: there is no such command; names what comes nearest.
    """
    if not words or {"--help", "-h"} & set(words):
        return None
    command, *rest = words
    if command not in commands:
        close = nearest(command, list(commands))
        hint = f"Nearest: docexp {verb} {close[0]}." if close else f"Commands: {', '.join(commands)}."
        raise DocexpError(f"{verb} {command} is no command. {hint}")
    return command, rest


def split_words(words: Sequence[str], arguments: Collection[str] = (), flags: Sequence[str] = ()) -> Words:
    """Sorts the words of a command line.

    Raises:
        DocexpError: a flag that the verb does not know, an argument without a value or with two.
    """
    own: dict[str, str] = {}
    overrides, names, seen = [], [], set()
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("-"):
            if word not in flags:
                raise DocexpError(f"{word} is no flag here. {_hint(word, flags)}")
            seen.add(word)
        elif equals and key in arguments:
            if own.setdefault(key, value) != value:
                raise DocexpError(f"{key} is given twice, {key}={own[key]} and {word}. Keep one of them.")
            if not value:
                raise DocexpError(f"{word} has no value")
        elif equals or word.startswith("~"):
            overrides.append(word)
        else:
            names.append(word)
    return Words(own, overrides, names, frozenset(seen))


def _hint(word: str, flags: Sequence[str]) -> str:
    if "=" in word and not word.lstrip("-").startswith("="):
        return f"Settings are written without dashes: {word.lstrip('-')}"
    close = nearest(word, list(flags))
    return f"Nearest: {close[0]}." if close else f"Flags: {', '.join(flags)}."
