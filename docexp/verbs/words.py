"""Splitting a verb's words: its own ``key=value`` arguments, runs or other names, and configuration overrides."""

import os
from collections.abc import Sequence
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


def split_words(words: Sequence[str], arguments: Sequence[str] = (), flags: Sequence[str] = ()) -> Words:
    """Sorts the words of a command line.

    Raises:
        DocexpError: a flag that the verb does not know.
    """
    own: dict[str, str] = {}
    overrides, names, seen = [], [], set()
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("-"):
            if word not in flags:
                close = nearest(word, list(flags))
                raise DocexpError(f"{word} is no flag here. " + (f"Nearest: {close[0]}." if close else "See --help."))
            seen.add(word)
        elif equals and key in arguments:
            own[key] = value
        elif equals or word.startswith("~"):
            overrides.append(word)
        else:
            names.append(word)
    return Words(own, overrides, names, frozenset(seen))
