"""Which code a run uses: digests of source files, and the state of the project's repository."""

import hashlib
import importlib.util
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SMALL_DIFF = 256 * 1024
"""Bytes up to which uncommitted changes are kept beside the run; of more only the digest."""


def code_digest(config: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of every source file of docexp, and of the code that a ``_target_`` in ``config`` names outside it.

    Named outside docexp, a module in a package brings the whole package, since a settings class builds its model from
    a neighbour that it imports late; a module that is a file of its own brings that file. Keys are paths as Python
    imports them (``docexp/training/module.py``), the same wherever the code lies.
    """
    return SourceDigests().of(config)


class SourceDigests:
    """``code_digest`` for many configurations; every file is read once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {}

    def of(self, config: Mapping[str, Any]) -> dict[str, str]:
        """As ``code_digest``."""
        found = dict(self._package("docexp"))
        for top in {target.split(".")[0] for target in _targets(config)} - {"docexp"}:
            found.update(self._package(top))
        return dict(sorted(found.items()))

    def _package(self, top: str) -> dict[str, str]:
        if top not in self._known:
            files = _files_of(top)
            self._known[top] = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
        return self._known[top]


def changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The files that were changed, added or removed between two digests, sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def change_message(files: list[str], shown: int = 5) -> str:
    """``the code has changed since: docexp/training/module.py and 3 more``; empty when nothing changed."""
    if not files:
        return ""
    more = f" and {len(files) - shown} more" if len(files) > shown else ""
    return f"the code has changed since: {', '.join(files[:shown])}{more}"


def repository(folder: Path) -> tuple[dict[str, Any] | None, bytes]:
    """The commit that ``folder`` is at, and its uncommitted changes as a diff (without files git does not know).

    Returns:
        ``{"commit", "diff": digest or "", "untracked": count}`` and the diff; None and nothing outside a repository.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    diff = _git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    if commit is None or diff is None or untracked is None:
        return None, b""
    digest = hashlib.sha256(diff).hexdigest() if diff else ""
    return {"commit": commit.decode().strip(), "diff": digest, "untracked": untracked.count(b"\0")}, diff


def _git(folder: Path, *words: str) -> bytes | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no git here, or a repository too large to look through
        return None
    return answer.stdout if answer.returncode == 0 else None


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _targets(value)


def _files_of(top: str) -> dict[str, Path]:
    spec = importlib.util.find_spec(top)
    if spec is None:
        return {}
    if spec.submodule_search_locations is None:
        return {f"{top}.py": Path(spec.origin)} if spec.origin and Path(spec.origin).is_file() else {}
    roots = [Path(place) for place in spec.submodule_search_locations]
    return {f"{top}/{file.relative_to(root).as_posix()}": file for root in roots for file in _sources(root)}


def _sources(root: Path) -> Iterator[Path]:
    return (file for file in root.rglob("*.py") if "__pycache__" not in file.parts)
