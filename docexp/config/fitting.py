"""What else could be chosen: the settings and choices that would fit, for refusals that say what to change."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from docexp.config.compose import Composed
from docexp.config.fill import fill
from docexp.config.project import Project
from docexp.config.sources import Sources, read_yaml
from docexp.documents.readers.reader import Reader
from docexp.errors import DocexpError
from docexp.models.settings import ModelSettings
from docexp.settings import Settings, choices_of, hints_of

S = TypeVar("S", bound=Settings)


def settings_that_fit(settings: S, fits: Callable[[S], bool]) -> list[str]:
    """Each single change, as ``image=none``, of a setting with few values that makes ``settings`` fit."""
    found = []
    for name, hint in hints_of(type(settings)).items():
        for word in choices_of(hint):
            value = {"true": True, "false": False, "null": None}.get(word, word)
            try:
                if value != getattr(settings, name) and fits(dataclasses.replace(settings, **{name: value})):
                    found.append(f"{name}={word}")
            except DocexpError:
                continue  # that change alone is no model
    return found


def models_that_fit(project: Project, fits: Callable[[ModelSettings], bool]) -> list[str]:
    """The choices of ``conf/model/`` that fit as they are."""
    return [choice for choice, model in _standing(project, "model", "", ModelSettings) if fits(model)]


def data_with(kinds: frozenset[str]) -> list[str]:
    """The choices of ``conf/data/`` whose readers give pages with annotations of all these kinds."""
    readers = _standing(Project(), "data", "reader", Reader)
    return [choice for choice, reader in readers if kinds <= set(reader.annotations)]


def _standing(project: Project, group: str, below: str, base: type) -> Iterator[tuple[str, Any]]:
    """Every choice of a group that stands on its own, as the instance of its dataclass or of a node below."""
    sources = Sources(Composed({}, {}, (), project))
    for choice in project.choices(group):
        file = project.file(group, choice)
        node = read_yaml(file) if file else None
        try:
            yield choice, fill(node.get(below) if below and isinstance(node, dict) else node, group, base, sources)[0]
        except DocexpError:
            continue  # it needs other files, or is wrong itself; whoever chooses it is told
