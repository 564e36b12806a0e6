"""The words that could stand where the cursor is."""

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docexp.completion.settings import Chosen
from docexp.completion.surface import EVERY, Surface, surface
from docexp.config.project import OBJECTIVE, Project
from docexp.config.top import TopSettings
from docexp.runs.identity import LENGTH
from docexp.settings import hints_of

GLOBAL_FLAGS = ("--project", "--debug", "--version", "--help")
RUN = "run:"
_IDENTITY = re.compile(rf"[0-9a-f]{{{LENGTH}}}")


def candidates(line: str, verbs: Iterable[str], project: Path | None) -> list[str]:
    """Whole words that could replace the last one of ``line``, which is the command line up to the cursor.

    Args:
        line: as typed, from the program's name on; it ends with a space where a new word begins.
        verbs: the verbs there are.
        project: the folder of the user's project, where the line itself does not name one.
    """
    words, current = split_line(line)
    words, named = _without_project(words[1:])
    if words and words[-1] == "--project":
        return list(_paths(current, folders_only=True))
    words = [word for word in words if word != "--debug"]
    if not words:
        return _starting([*verbs, *(GLOBAL_FLAGS if current.startswith("-") else ())], current)
    place = Project.at(Path(named).expanduser() if named else project)
    verb, *rest = words
    taken = surface(verb, next((word for word in rest if not word.startswith("-")), ""))
    return _Completing(taken, rest, place).words(current)


def split_line(line: str) -> tuple[list[str], str]:
    """The words before the cursor and the one it is in, without the shell's quotes and backslashes."""
    for closing in ("", "\\", '"', "'"):
        try:
            words = shlex.split(line + closing)
            break
        except ValueError:  # a quote that is still open, or a backslash at the end
            continue
    else:
        words = line.split()
    fresh = not words or (line[-1:].isspace() and not line[:-1].endswith("\\") and not line.endswith(words[-1]))
    return (words, "") if fresh else (words[:-1], words[-1])


@dataclass(frozen=True)
class _Completing:
    """One verb's line: what the verb takes, its words so far, and where choices are looked up."""

    taken: Surface
    rest: list[str]
    project: Project

    def words(self, current: str) -> list[str]:
        before = self.rest[-1] if self.rest else ""
        if before == "--cfg":
            return _starting(["job"], current)
        if before in ("--help", "-h") and EVERY in self.taken.groups:
            return _starting(self._help_words(), current)
        if current.startswith("-"):
            return _starting(self.taken.flags, current)
        key, equals, value = current.lstrip("+").partition("=")
        if equals:
            return [f"{current[: len(current) - len(value)]}{word}" for word in self._values(key, value)]
        return _starting(self._names(current), current)

    def _help_words(self) -> list[str]:
        groups = self.project.groups()
        chosen = [f"{group}={choice}" for group in groups for choice in self.project.choices(group)]
        return [*groups, *chosen, *hints_of(TopSettings)]

    def _groups(self) -> list[str]:
        groups = self.project.groups()
        return groups if EVERY in self.taken.groups else [group for group in groups if group in self.taken.groups]

    def _names(self, current: str) -> Iterator[str]:
        """Words that have no value yet: commands, arguments, groups, settings, runs."""
        groups, given = self._groups(), {word.partition("=")[0] for word in self.rest}
        bare = current.lstrip("+")
        if "." in bare:
            for name in self._chosen().names(bare.rpartition(".")[0]):
                if name.rstrip("=") not in given:
                    yield current[: len(current) - len(bare)] + name
            return
        yield from self.taken.commands
        if not self.taken.commands:
            yield from (f"{name}=" for name in self.taken.arguments if name not in given)
            yield from (f"{group}=" for group in groups if group not in given)
            yield from (f"{group.replace('/', '.')}." for group in groups if group != "experiment")
        if EVERY in self.taken.groups:
            yield from (f"{name}=" for name in hints_of(TopSettings) if name not in given)
        if self.taken.studies and not self.taken.commands and not self._study():
            yield from _studies(current)
        if self.taken.runs:
            yield "experiment="
            yield from sorted(self._runs())

    def _values(self, key: str, value: str) -> Iterator[str]:
        """What may stand behind ``key=``; behind a comma another value, none twice."""
        kind = self.taken.arguments.get(key, "")
        if kind in ("file", "folder"):
            yield from _paths(value, folders_only=kind == "folder")
            return
        if key == "experiment" and self.taken.runs:
            yield from _starting(sorted(set(self._runs().values())), value)
            return
        if key == "scale" and self.taken.studies:
            yield from _starting(_scales(self._study()), value)
            return
        done, comma, _ = value.rpartition(",")
        known = kind.split("|") if "|" in kind else []
        if key == OBJECTIVE and key in self._groups():
            yield from self._objectives(value)
            return
        if key in self._groups():
            known = self.project.choices(key)
        elif not known and ("." in key or key in hints_of(TopSettings)):
            choices, place, weights = self._chosen().values(key)
            known = choices
            if place:
                yield from _paths(value, folders_only=True)
            if weights:
                known = [f"{RUN}{identity}" for identity in sorted(self._runs())]
                known = known if value.startswith(RUN) or len(known) == 1 else [RUN] if known else []
        already = done.split(",")
        yield from _starting([f"{done}{comma}{word}" for word in known if word not in already], value)

    def _objectives(self, value: str) -> Iterator[str]:
        """``[mlm]``, and behind ``[mlm,`` the others."""
        done, comma, _ = value.rpartition(",")
        opened = f"{done}{comma}" if comma else "["
        already = done.strip("[").split(",")
        names = [name for name in self.project.choices(OBJECTIVE) if name not in already]
        yield from _starting([f"{opened}{name}]" for name in names], value)

    def _study(self) -> str:
        """The study that the line names already."""
        return next((word for word in self.rest[1:] if "=" not in word and not word.startswith("-")), "")

    def _chosen(self) -> Chosen:
        return Chosen(self.rest, self.project)

    def _runs(self) -> dict[str, str]:
        """The identities below the folder of runs, each with its experiment."""
        named = next((word.partition("=")[2] for word in self.rest if word.startswith(("runs=", "paths.runs="))), "")
        top = Path(named or os.environ.get("DOCEXP_RUNS", "runs")).expanduser()
        found = {}
        for place, folders, _ in os.walk(top):
            inside = [name for name in folders if _IDENTITY.fullmatch(name)]
            found.update({name: os.path.relpath(place, top) for name in inside})
            folders[:] = [name for name in folders if not name.startswith(".") and not _IDENTITY.match(name)]
        return found


def _without_project(words: list[str]) -> tuple[list[str], str]:
    """The words without ``--project DIR``, and that folder; the flag stays where its folder is still to come."""
    for place, word in enumerate(words):
        if word.startswith("--project="):
            return [*words[:place], *words[place + 1 :]], word.partition("=")[2]
        if word == "--project" and place + 1 < len(words):
            return [*words[:place], *words[place + 2 :]], words[place + 1]
    return words, ""


def _studies(beginning: str) -> Iterator[str]:
    """The folders of ``experiments`` that hold a study, or those on the path that has been begun."""
    parent = Path(beginning).parent if "/" in beginning else Path("experiments")
    found = sorted(str(file.parent) for file in parent.expanduser().glob("*/study.yaml"))
    yield from found if any(word.startswith(beginning) for word in found) else _paths(beginning, folders_only=False)


def _scales(study: str) -> list[str]:
    """The scales that a study describes."""
    import yaml

    place = Path(study).expanduser()
    file = place / "study.yaml" if place.is_dir() else place
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    named = content.get("scale") if isinstance(content, dict) else None
    return list(dict.fromkeys(["paper", *map(str, named if isinstance(named, dict) else ())]))


def _paths(value: str, folders_only: bool) -> Iterator[str]:
    """Files and folders whose path begins with ``value``, folders with a slash behind."""
    head, slash, tail = value.rpartition("/")
    folder = Path((head + slash) or ".").expanduser()
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        shown = entry.name.startswith(tail) and (tail.startswith(".") or not entry.name.startswith("."))
        if shown and entry.is_dir():
            yield f"{head}{slash}{entry.name}/"
        elif shown and not folders_only:
            yield f"{head}{slash}{entry.name}"


def _starting(words: Iterable[str], beginning: str) -> list[str]:
    return [word for word in words if word.startswith(beginning)]
