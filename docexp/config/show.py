"""What can be chosen and what can be set, as text: ``docexp train --help [group | group=choice]``."""

import dataclasses
import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.documentation import field_docs, summary
from docexp.config.fill import MISSING, fill, schema_of
from docexp.config.project import OBJECTIVE, Project
from docexp.config.schema import GROUPS
from docexp.config.sources import OVERLAYS, Sources
from docexp.config.top import TopSettings
from docexp.errors import DocexpError, nearest
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import hints_of, node_type, shown, words_for
from docexp.studies.launchers import LauncherSettings

WIDTH = 100
LAUNCHER = "hydra/launcher"
NEXT = """
  docexp train --help model                    what can be set in a group
  docexp train --help model=layoutlmv3_tiny    the values under a choice
  docexp train model=layoutlmv3_tiny --cfg job the whole configuration, checked, nothing trained"""


def choices_help(project: Project) -> str:
    """Every group with its choices, each with the first line of its file."""
    lines = ["groups and choices (* is chosen when nothing is said):"]
    defaults = project.defaults()
    for group in project.groups():
        lines += ["", f"  {group}="]
        for choice in project.choices(group):
            star = "*" if defaults.get(group) == choice else " "
            lines += _hanging(f"  {star} {choice}", " ".join(project.header(group, choice)[:1]), 26)
    docs = field_docs(TopSettings)
    lines += ["", "  in no group"]
    for name in hints_of(TopSettings):
        lines += _hanging(f"    {name}=", docs[name], 26)
    return "\n".join([*lines, NEXT])


def group_help(asked: str, project: Project) -> str:
    """Every setting of a group under a choice, with value, type and documentation.

    Args:
        asked: ``group``, ``group=choice``, or ``group.key`` for one of its settings.
        project: the groups and choices there are.

    Raises:
        DocexpError: there is no such group, choice or setting.
    """
    name, _, choice = asked.partition("=")
    group, _, key = name.partition(".")
    if name.startswith("hydra.launcher"):
        group, key = LAUNCHER, name.removeprefix("hydra.launcher").removeprefix(".")
    if group in hints_of(TopSettings):
        return "\n".join(_setting(TopSettings, group, group, getattr(TopSettings(), group)))
    if group not in project.groups():
        close = nearest(group, [*project.groups(), *hints_of(TopSettings)])
        hint = f"Nearest: {close[0]}." if close else f"Groups: {', '.join(project.groups())}."
        raise DocexpError(f"--help {asked}: {group} is no group. {hint}")
    if key and choice:
        raise DocexpError(f"--help {asked}: write --help {group}, --help {group}=CHOICE or --help {name}")
    if group == OBJECTIVE:
        choice = choice.removeprefix("[").removesuffix("]")  # as a run chooses them
        if "," in choice:
            raise DocexpError(f"--help {asked}: ask for one, as in --help {group}={choice.partition(',')[0]}")
        if not choice:
            choice, _, key = key.partition(".")
        if not choice:
            return _overlay_help(group, "", project)
    if group in OVERLAYS and (group == "experiment" or choice not in ("", "none")):
        return _overlay_help(group, choice, project)
    return "\n".join(_node_help(group, choice, key, project))


def _node_help(group: str, choice: str, key: str, project: Project) -> Iterator[str]:
    if group == OBJECTIVE:
        composed = compose(["task=pretraining", f"{group}=[{choice}]"], project)
        node, base, path, chosen = composed.config[group][choice], ObjectiveSettings, f"{group}.{choice}", choice
    else:
        composed = compose([f"{group}={choice}"] if choice else [], project)
        node = composed.launcher if group == LAUNCHER else composed.config[group]
        base = LauncherSettings if group == LAUNCHER else GROUPS[group]
        path, chosen = group.replace("/", "."), composed.choices[group]
    sources = Sources(composed)
    schema = schema_of(node, path, base, sources)
    to_say = [name for name, value in node.items() if value == MISSING]
    _, plain = fill({name: value for name, value in node.items() if name not in to_say}, path, base, sources)
    plain.update(dict.fromkeys(to_say, "…"))
    if not key:
        others = [name for name in project.choices(group) if name != chosen]
        said = f"{group}={chosen}" + (f"   (others: {', '.join(others)})" if others else "")
        yield from wrap(said, WIDTH, subsequent_indent=" " * 4)
        yield from (f"  {line}" for text in project.header(group, chosen) for line in wrap(text, WIDTH - 2))
        yield ""
        yield from (f"  {line}" for line in wrap(summary(schema), WIDTH - 2))
        yield ""
    found = list(_settings(schema, path, plain, node, sources))
    shown_lines = [line for name, lines in found if not key or name == f"{path}.{key}" for line in lines]
    if not shown_lines:
        close = nearest(f"{path}.{key}", [name for name, _ in found])
        raise DocexpError(
            f"{path}.{key} is no setting of {group}={chosen}." + (f" Nearest: {close[0]}." if close else "")
        )
    yield from shown_lines


def _settings(
    schema: type, path: str, plain: dict[str, Any], node: dict[str, Any], sources: Sources
) -> Iterator[tuple[str, list[str]]]:
    """Each setting's dotted key and its lines, those of nodes inside the node included."""
    for name, hint in hints_of(schema).items():
        inner = node_type(hint)
        if inner is not None and plain.get(name) is not None:
            own = node[name]
            yield from _settings(schema_of(own, name, inner, sources), f"{path}.{name}", plain[name], own, sources)
        else:
            yield f"{path}.{name}", list(_setting(schema, name, f"{path}.{name}", plain.get(name)))


def _setting(schema: type, name: str, key: str, value: Any) -> Iterator[str]:
    hint = hints_of(schema)[name]
    default = next(_default(item) for item in dataclasses.fields(schema) if item.name == name)
    unsaid = "" if default in (dataclasses.MISSING, value) else f"; default {shown(default)}"
    kind = words_for(hint) if node_type(hint) is None else "a group of settings, or null"
    yield from _hanging(f"  {key}={shown(value)}", f"({kind}{unsaid})", 40)
    yield from (f"      {line}" for line in wrap(field_docs(schema).get(name, ""), WIDTH - 6))


def _default(item: dataclasses.Field[Any]) -> Any:
    return item.default if item.default_factory is dataclasses.MISSING else item.default_factory()


def _overlay_help(group: str, choice: str, project: Project) -> str:
    """An experiment or a debug preset sets keys of other groups: its file says it best."""
    if not choice:
        lines = [f"{group}=", *(line for name in project.choices(group) for line in _choice(group, name, project))]
        return "\n".join([*lines, "", f"  docexp train --help {group}={project.choices(group)[0]}    shows one whole"])
    composed = compose([f"{group}={choice}"], project)
    check(composed)
    file = project.file(group, choice)
    assert file is not None
    return f"{group}={choice}   ({project.shown(file)})\n\n" + file.read_text(encoding="utf-8").rstrip()


def _choice(group: str, name: str, project: Project) -> list[str]:
    return _hanging(f"    {name}", " ".join(project.header(group, name)[:1]), 26)


def _hanging(head: str, text: str, column: int) -> list[str]:
    """``head``, then ``text`` from ``column`` on, below it where ``head`` is too long; lines of at most WIDTH."""
    lines = wrap(text, WIDTH - column)
    if len(head) >= column - 1:
        return [*_cut(head), *(" " * column + line for line in lines)]
    return [head.ljust(column) + line if number == 0 else " " * column + line for number, line in enumerate(lines)] or [
        head
    ]


def _cut(head: str) -> list[str]:
    """``head`` in lines of at most WIDTH, as a long list of labels needs: cut after commas, deeper from the second."""
    lines = [""]
    for part in re.findall(r"[^,]+,?", head):
        if lines[-1].strip() and len(lines[-1]) + len(part) > WIDTH:
            lines.append(" " * 6)
        lines[-1] += part
    return lines
