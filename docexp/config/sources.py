"""Which file, or the command line, a key of a composed configuration came from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from docexp.config.overrides import LAUNCHER
from docexp.config.project import OBJECTIVE, PRIMARY
from docexp.config.site import site_file
from docexp.errors import DocexpError
from docexp.settings import hints_of

if TYPE_CHECKING:
    from docexp.config.compose import Composed

OVERLAYS = ("debug", "experiment")
"""Groups whose files set keys of other groups, the one that wins first."""


class Sources:
    """Answers ``of(key)`` for a composed configuration: the last source that names the key, as Hydra composes."""

    def __init__(self, composed: "Composed") -> None:
        self._composed = composed

    owner = "a run"
    """Whose settings these are."""

    def typed(self, key: str) -> bool:
        """Whether an override sets the key."""
        composed = self._composed
        spoken = any(_names(word, key) for word in composed.overrides)
        return not composed.origin and key not in composed.choices and spoken

    def of(self, key: str) -> str:
        """``conf/experiment/finetune/funsd.yaml``, ``command line``, or the group's file when no file names the key."""
        composed, project = self._composed, self._composed.project
        if composed.origin:
            return composed.origin
        asked = self._asked(key)
        if asked:
            return asked
        if key.startswith(LAUNCHER) and key.removeprefix(LAUNCHER).split(".")[0] in composed.site:
            file = site_file(project)
            assert file is not None
            return project.shown(file)
        group, *rest = key.split(".")
        if key.startswith("hydra.launcher"):
            group, rest = "hydra/launcher", key.split(".")[2:]
        if group == OBJECTIVE and rest:  # one file for each of those that are chosen
            file, rest = project.file(group, rest[0]), rest if rest[1:] else []
        else:
            file = project.file(group, composed.choices.get(group, ""))
        if file and (not rest or _holds(file, rest)):
            return project.shown(file)
        primary = project.folders[0] / f"{PRIMARY}.yaml"
        if _holds(primary, key.split(".")):
            return project.shown(primary)
        return project.shown(file) if file else "conf/"

    def is_default(self, key: str) -> bool:
        """Whether neither the command line nor an experiment sets it."""
        return not self._asked(key)

    def _asked(self, key: str) -> str:
        composed, project = self._composed, self._composed.project
        if self.typed(key):
            return composed.spoken
        for group in OVERLAYS:
            file = project.file(group, composed.choices.get(group, ""))
            if file and _holds(file, key.split(".")):
                return project.shown(file)
        return ""

    def choices(self, group: str) -> list[str]:
        """What can be chosen in a group."""
        return self._composed.project.choices(group)

    def settings(self) -> list[str]:
        """Every setting of the groups as they are chosen, by dotted key; for the nearest valid name."""
        from docexp.config.fill import schema_of
        from docexp.config.schema import GROUPS
        from docexp.config.top import TopSettings

        found = list(hints_of(TopSettings))
        for group, base in GROUPS.items():
            node = self._composed.config.get(group)
            try:
                found += [f"{group}.{name}" for name in hints_of(schema_of(node, group, base, self))]
            except DocexpError:
                continue  # a group that is wrong itself has its own refusal
        return found + self._of_objectives()

    def _of_objectives(self) -> list[str]:
        from docexp.config.fill import schema_of
        from docexp.objectives.settings import ObjectiveSettings

        found, nodes = [], self._composed.config.get(OBJECTIVE)
        for name, node in nodes.items() if isinstance(nodes, dict) else ():
            path = f"{OBJECTIVE}.{name}"
            try:
                found += [f"{path}.{key}" for key in hints_of(schema_of(node, path, ObjectiveSettings, self))]
            except DocexpError:
                continue
        return found


def read_yaml(file: Path) -> Any:
    """A file's plain content."""
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


def _names(word: str, key: str) -> bool:
    """Whether a word of the command line sets ``key``: itself, a part of it, or a mapping that holds it."""
    name, _, value = word.lstrip("+").partition("=")
    return key == name or name.startswith(f"{key}.") or (key.startswith(f"{name}.") and value.startswith("{"))


def _holds(file: Path, keys: list[str]) -> bool:
    node: Any = read_yaml(file)
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True
