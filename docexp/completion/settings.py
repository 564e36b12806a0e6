"""The settings that could be typed, from the dataclasses behind what a command line has chosen so far."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from docexp.config.project import OBJECTIVE, Project
from docexp.config.top import TopSettings
from docexp.settings import choices_of, hints_of, is_place, node_type

OVERLAYS = ("debug", "experiment")


@dataclass(frozen=True)
class Chosen:
    """The words of a line, and what they choose: a word, else the experiment, else ``conf/train.yaml``."""

    words: Sequence[str]
    project: Project

    def names(self, path: str) -> list[str]:
        """Every setting below a dotted path: ``trainer.max_steps=``, or ``data.reader.`` for a node of its own."""
        if path == OBJECTIVE:
            return [f"{path}.{choice}." for choice in self.project.choices(path)]
        schema, node = self._node(path)
        if schema is None:
            return []
        inner = {
            name for name, hint in hints_of(schema).items() if node_type(hint) and isinstance(node.get(name), dict)
        }
        return [f"{path}.{name}." if name in inner else f"{path}.{name}=" for name in hints_of(schema)]

    def values(self, key: str) -> tuple[list[str], bool, bool]:
        """The few values a setting may have, whether it is a path, and whether a run may stand there too."""
        path, dot, name = key.rpartition(".")
        schema = self._node(path)[0] if dot else TopSettings
        hint = hints_of(schema).get(name) if schema is not None else None
        return choices_of(hint), is_place(hint), key == "model.weights"

    @cached_property
    def _choices(self) -> dict[str, str]:
        typed = {}
        for word in self.words:
            key, equals, value = word.lstrip("+").partition("=")
            if equals:
                typed[key] = value.split(",")[0]
        overlay = self.project.defaults("experiment", typed["experiment"]) if "experiment" in typed else {}
        return {**self.project.defaults(), **overlay, **typed}

    def _node(self, path: str) -> tuple[type | None, dict[str, Any]]:
        """The dataclass at a dotted path and the yaml's mapping there; None where there is none."""
        import yaml

        group, *below = path.split(".")
        if path.startswith("hydra.launcher"):
            group, below = "hydra/launcher", path.split(".")[2:]
        choice = below[0] if group == OBJECTIVE and below else self._choices.get(group, "")
        file = self.project.file(group, choice)
        node = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
        if group in OVERLAYS and isinstance(node, dict):
            node = node.get(group, node)  # a preset sets keys of other groups besides its own
        for name in below:
            node = node.get(name) if isinstance(node, dict) else None
        if not isinstance(node, dict) or not isinstance(target := node.get("_target_"), str):
            return None, {}
        module, _, name = target.rpartition(".")
        return getattr(importlib.import_module(module), name), node
