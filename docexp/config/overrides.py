"""The words of a command line as overrides that Hydra reads, or refused with what to write instead."""

import re
from collections.abc import Sequence

from docexp.config.project import OBJECTIVE, Project
from docexp.errors import DocexpError, nearest

UNSET = "null"
MAY_BE_UNSET = ("experiment",)
"""Groups of which nothing need be chosen."""
LAUNCHER = "hydra.launcher."
_WORD = re.compile(r"(\+{0,2})([A-Za-z_][\w-]*(?:[./][\w-]+)*)=(.*)", flags=re.DOTALL | re.ASCII)
_READABLE = re.compile(r"[\w/\-\\+.$%*@?|: \t]*", flags=re.ASCII)
"""What Hydra's grammar reads without quotes."""
_FUNCTION = re.compile(r"\w+\(")
FUNCTIONS = ("range", "choice", "interval", "glob", "shuffle", "sort", "int", "float", "str", "bool")
"""The functions of Hydra's sweep grammar."""


def normalise(words: Sequence[str], project: Project, sweep: bool = False) -> list[str]:
    """``words`` as Hydra shall read them: choices stay, values are set whether or not a yaml names their key.

    Args:
        words: as typed; a leading ``+`` or ``++`` changes nothing.
        project: the groups and choices there are.
        sweep: whether a word may hold several values, separated by commas.

    Raises:
        DocexpError: a word that is no ``key=value``, a group or choice that does not exist, a value that cannot be
            read, the same key with two values, several values without ``-m``.
    """
    given: dict[str, str] = {}
    for word in words:
        key, value = _split(word)
        if given.setdefault(key, value) != value:
            raise DocexpError(f"{key} is given twice, {key}={given[key]} and {key}={value}. Keep one of them.")
    return [_normalised(key, value, project, sweep) for key, value in given.items()]


def _split(word: str) -> tuple[str, str]:
    match = _WORD.fullmatch(word)
    if match:
        return match[2], match[3]
    if word.startswith("~"):
        raise DocexpError(
            f"{word} would delete a setting. Set its value instead, or null where it may be unset (docexp train --help)"
        )
    hint = f" Nearest: {word.replace(':', '.', 1)}." if _WORD.fullmatch(word.replace(":", ".", 1)) else ""
    raise DocexpError(f"{word!r} is no override: write key=value, as in trainer.max_steps=100.{hint}")


def _normalised(key: str, value: str, project: Project, sweep: bool) -> str:
    groups = project.groups()
    if key in groups:
        _check_choice(key, value, project)
        word = f"{key}={value}"
    elif "/" in key:
        dotted = key.replace("/", ".")
        close = [f"{dotted}={value}"] if dotted.split(".")[0] in groups else nearest(key, groups)
        hint = f"Nearest: {close[0]}." if close else f"Groups: {', '.join(groups)}."
        raise DocexpError(f"{key} is no group of conf/. {hint}")
    elif key.startswith("hydra."):
        _check_hydra(key)
        word = f"++{key}={value}"
    else:
        word = f"++{key}={_quoted(value)}"
    _check_readable(word, f"{key}={value}", sweep, key in groups)
    return word


def _check_hydra(key: str) -> None:
    if not key.startswith(LAUNCHER):
        raise DocexpError(
            f"{key} has no effect: docexp makes the run folders itself (paths.runs=DIR moves them). "
            f"Of Hydra's own settings only {LAUNCHER}… can be set."
        )


def _check_choice(group: str, value: str, project: Project) -> None:
    names = project.choices(group)
    plain = value.strip("'\"")
    if group == OBJECTIVE:
        _check_objectives(plain, names)
        return
    if plain == UNSET and group not in MAY_BE_UNSET:
        raise DocexpError(f"{group}=null: a run needs one. Choices: {', '.join(names)}.")
    if plain.startswith(("{", "[")):
        raise DocexpError(
            f"{group}={value} is no choice of conf/{group}/. Choose one by its name, and set parts as {group}.KEY=…; "
            f"choices: {', '.join(names)}."
        )
    if plain == UNSET or "(" in plain:
        return  # a sweep function is for Hydra's own grammar
    for name in plain.split(","):
        if name not in names:
            close = nearest(name, names)
            hint = f"Nearest: {close[0]}." if close else f"Choices: {', '.join(names)}."
            raise DocexpError(f"{group}={name} is no choice of conf/{group}/. {hint}")


def _check_objectives(value: str, names: list[str]) -> None:
    """``[mlm,mim]``; with -m several such lists, ``[mlm],[mlm,mim]``."""
    if not re.fullmatch(r"\[[\w, ]*\](,\[[\w, ]*\])*", value) and "(" not in value:
        raise DocexpError(
            f"{OBJECTIVE}={value}: several can be chosen, so write them in brackets, as in {OBJECTIVE}=[mlm,mim]; "
            f"choices: {', '.join(names)}."
        )
    for name in re.findall(r"\w+", value) if "(" not in value else ():
        if name not in names:
            close = nearest(name, names)
            hint = f"Nearest: {close[0]}." if close else f"Choices: {', '.join(names)}."
            raise DocexpError(f"{OBJECTIVE}=[{name}] is no choice of conf/{OBJECTIVE}/. {hint}")


def _quoted(value: str) -> str:
    """The value with quotes where Hydra's grammar would refuse it without: a space is fine, ``ö`` and ``=`` are not."""
    if value[:1] in ("'", '"', "[", "{") or _FUNCTION.match(value) or "${" in value:
        return value
    if "=" in value:  # as in model.weights=run:experiment=finetune/funsd,seed=1, whose commas belong to it
        return _in_quotes(value)
    return ",".join(part if _READABLE.fullmatch(part) else _in_quotes(part) for part in value.split(","))


def _in_quotes(text: str) -> str:
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", text) + "'"


def _check_readable(word: str, typed: str, sweep: bool, group: bool) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        several = OverridesParser.create().parse_override(word).is_sweep_override()
    except HydraException as error:
        raise DocexpError(f"{typed} cannot be read: {_why(typed, str(error))}") from None
    if several and not sweep:
        value = typed.partition("=")[2]
        what = "" if group or "(" in value else f" A list is written in brackets: [{value}]."
        raise DocexpError(f"{typed} names several values: with -m there is a job for each.{what}")


def _why(typed: str, reason: str) -> str:
    value = typed.partition("=")[2]
    function = re.search(r"Unknown function '(\w+)'", reason)
    if function:
        close = nearest(function[1], list(FUNCTIONS))
        return f"there is no function {function[1]}." + (f" Nearest: {close[0]}." if close else " Quote a text.")
    for opened, closed in ("[]", "{}", "()"):
        if value.count(opened) != value.count(closed):
            return f"{opened} and {closed} do not match. In a shell, put quotes round the word."
    for quote in "'\"":
        if value.count(quote) % 2:
            return f"a quote {quote} is not closed."
    return f"put quotes round it, as in \"{typed.partition('=')[0]}='…'\""
