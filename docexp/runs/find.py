"""Finding runs again: by identity, by place, or by their settings."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docexp.errors import DocexpError, nearest
from docexp.runs.differences import describe_each, flat
from docexp.runs.environment import read_environment
from docexp.runs.folder import RunFolder
from docexp.runs.identity import LENGTH, significant

if TYPE_CHECKING:
    from docexp.config.project import Project

IDENTITY = re.compile(rf"[0-9a-f]{{{LENGTH}}}")
SET_ASIDE = re.compile(rf"{IDENTITY.pattern}\.old-\d+")
BEGINNING = re.compile(rf"[0-9a-f]{{4,{LENGTH}}}")
"""As much of an identity as is enough to ask for a run."""
SHOWN = 6
"""Candidates that an error names."""


def all_runs(runs: Path) -> Iterator[RunFolder]:
    """Every run below ``runs``, sorted by place; not those set aside, nor anything hidden (debug runs, sweeps)."""
    for place, folders, _ in os.walk(runs):
        folders.sort()
        yield from (RunFolder(Path(place) / name) for name in folders if IDENTITY.fullmatch(name))
        folders[:] = [name for name in folders if not (name.startswith(".") or _is_run(name))]


def locate(identity: str, runs: Path) -> RunFolder | None:
    """The folder of an identity, under whichever experiment; None when there is none.

    Raises:
        DocexpError: there are several.
    """
    found = [run for run in all_runs(runs) if run.identity == identity]
    if len(found) > 1:
        raise DocexpError(f"run {identity} lies in {' and in '.join(str(run.path) for run in found)}. Remove one.")
    return found[0] if found else None


def find(text: str, runs: Path, project: "Project | None" = None) -> RunFolder:
    """The one run that ``text`` names, written as for ``find_all``.

    Raises:
        DocexpError: no run, or several, with the candidates.
    """
    found = find_all(text, runs, project)
    if len(found) > 1:
        each = describe_each([run.read_config() for run in found])
        names = [f"{run.identity} {what}".strip() for run, what in zip(found, each, strict=True)]
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise DocexpError(
            f"{text} names {len(found)} runs: {'; '.join(names[:SHOWN] + more)}.\nGive the identity of one."
        )
    return found[0]


def find_all(text: str, runs: Path, project: "Project | None" = None) -> list[RunFolder]:
    """Every run that ``text`` names, at least one, in the order in which they were first started.

    Args:
        text: an identity or its beginning (4 digits or more), a run's folder, or settings separated by commas, as in
            ``experiment=finetune/funsd,model=layoutlmv3_base,seed=1``: all runs that have them.
        runs: the folder of runs.
        project: where choices such as ``model=…`` are looked up.

    Raises:
        DocexpError: there is none; names what comes nearest.
    """
    if "=" in text:
        return _with_settings(text, runs, project)
    if RunFolder(Path(text)).config.is_file():
        return [RunFolder(Path(text))]
    found = [run for run in all_runs(runs) if BEGINNING.fullmatch(text) and run.identity.startswith(text)]
    if not found:
        known = sorted({run.identity for run in all_runs(runs)})
        raise DocexpError(f"no run {text} in {runs}. {_hint(text, known)}")
    return sorted(found, key=_started)


def split_settings(text: str) -> list[tuple[str, str]]:
    """``a=1,b=[x,y]`` as pairs; commas inside brackets and quotes do not separate.

    Raises:
        DocexpError: a part that is no ``key=value``.
    """
    parts = re.findall(r"(?:[^,\[\](){}'\"]|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|'[^']*'|\"[^\"]*\")+", text)
    pairs = []
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise DocexpError(f"{part!r} in {text!r} is no setting: write key=value, separated by commas")
        pairs.append((key.lstrip("+"), value))
    return pairs


def _with_settings(text: str, runs: Path, project: "Project | None") -> list[RunFolder]:
    asked = split_settings(text)
    configs = {run: run.read_config() for run in all_runs(runs) if run.config.is_file()}
    experiments = sorted({str(config.get("experiment")) for config in configs.values()})
    for key, value in asked:
        if key == "experiment" and value not in experiments:
            raise DocexpError(f"no run of experiment={value} in {runs}. {_hint(value, experiments)}")
    tests = [_test(key, value, asked, list(configs.values()), project) for key, value in asked]
    found = sorted((run for run, config in configs.items() if all(test(config) for test in tests)), key=_started)
    if not found:
        raise DocexpError(
            f"none of the {len(configs)} runs in {runs} has {' and '.join(text for text in _words(asked))}"
        )
    return found


def _started(run: RunFolder) -> tuple[bool, float]:
    """Sorts runs by their first start, those without one last."""
    starts = read_environment(run).get("segments", [])
    return (False, datetime.fromisoformat(starts[0]["started"]).timestamp()) if starts else (True, 0.0)


def _test(
    key: str,
    value: str,
    asked: Sequence[tuple[str, str]],
    configs: Sequence[Mapping[str, Any]],
    project: "Project | None",
) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a configuration has what one pair asks for: a setting, or all settings that a choice stands for."""
    if any(isinstance(config.get(key), Mapping) for config in configs):
        wanted = flat({key: _composed(asked, project).get(key, {})})
        return lambda config: wanted.items() <= flat({key: config.get(key, {})}).items()
    known = {name for config in configs for name in flat(config)}
    if key not in known:
        raise DocexpError(f"{key} is no setting of the runs. {_hint(key, sorted(known))}")
    return lambda config: key in flat(config) and _says(value, flat(config)[key])


def _composed(asked: Sequence[tuple[str, str]], project: "Project | None") -> dict[str, Any]:
    from docexp.config.compose import compose

    return significant(
        compose(_words([pair for pair in asked if pair != ("experiment", "custom")]), project).config, {}
    )


def _words(asked: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{key}={value}" for key, value in asked]


def _says(text: str, value: Any) -> bool:
    """Whether ``text``, as typed, means ``value``."""
    import yaml

    if isinstance(value, bool) or value is None:
        return text.lower() == str(value).lower() or (value is None and text.lower() == "null")
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text.strip("'\"") == value if isinstance(value, str) else yaml.safe_load(text) == value


def _is_run(name: str) -> bool:
    return bool(IDENTITY.fullmatch(name) or SET_ASIDE.fullmatch(name))


def _hint(text: str, known: list[str]) -> str:
    if not known:
        return "There are none yet."
    close = nearest(text, known, 3)
    return (
        f"Nearest: {', '.join(close)}."
        if close
        else f"There are: {', '.join(known[:SHOWN])}{', …' * (len(known) > SHOWN)}."
    )
