"""Which file, or which word of the command line, a key of a composed configuration came from."""

import os
from pathlib import Path
from typing import Any

import yaml

from docexp.config.compose import PRIMARY, Composed


class Sources:
    """Answers ``of(key)`` for a composed configuration: the last source that names the key, as Hydra composes."""

    def __init__(self, composed: Composed) -> None:
        self._composed = composed

    def of(self, key: str) -> str:
        """``conf/experiment/finetune/funsd.yaml``, ``command line``, or the group's file when no file names the key."""
        for word in reversed(self._composed.overrides):
            name = word.lstrip("+~").partition("=")[0]
            if key == name or name.startswith(key + ".") or (key.startswith(name + ".") and "." in name):
                return "command line"
        overlays = [group for group in ("debug", "experiment") if group in self._composed.choices]
        for group in overlays:
            file = self._composed.project.file(group, self._composed.choices[group])
            if file and _holds(file, key.split(".")):
                return self._shown(file)
        group, *rest = key.split(".")
        file = self._composed.project.file(group, self._composed.choices.get(group, ""))
        if file and (not rest or _holds(file, rest)):
            return self._shown(file)
        primary = self._composed.project.folders[0] / f"{PRIMARY}.yaml"
        if _holds(primary, key.split(".")):
            return self._shown(primary)
        return self._shown(file) if file else "conf/"

    def _shown(self, file: Path) -> str:
        root = next((root for root in self._composed.project.folders if file.is_relative_to(root)), None)
        if root is not None and root == self._composed.project.folders[0]:
            return f"conf/{file.relative_to(root).as_posix()}"
        return os.path.relpath(file)


def _holds(file: Path, keys: list[str]) -> bool:
    node: Any = yaml.safe_load(file.read_text()) or {}
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True
