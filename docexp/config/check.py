"""A composed configuration against its schemas: strict, filled with defaults, and named when it is wrong."""

from collections.abc import Sequence
from typing import Any

from docexp.config.compose import Composed
from docexp.config.fill import fill, fill_values, unknown
from docexp.config.project import OBJECTIVE
from docexp.config.schema import GROUPS, RunSettings
from docexp.config.sources import Sources, read_yaml
from docexp.config.together import check_together
from docexp.config.top import TopSettings
from docexp.errors import DocexpError, nearest
from docexp.objectives import PretrainingSettings
from docexp.objectives.order import running_order
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import hints_of
from docexp.studies.launchers import LauncherSettings
from docexp.tasks.settings import TaskSettings

TOP = tuple(hints_of(TopSettings))
"""Settings that are in no group."""


def check(composed: Composed) -> RunSettings:
    """Every node merged into the dataclass of its ``_target_``; nothing heavy is imported or built.

    Raises:
        DocexpError: an unknown key, a wrong type, a value out of range, a contradiction; it names the key, the file it
            came from, and the nearest valid name.
    """
    sources = Sources(composed)
    config = composed.config
    refuse_unknown(config, "a run", sources)
    groups, plain = {}, {}
    for group, base in GROUPS.items():
        if config.get(group) is None:
            choices = ", ".join(composed.project.choices(group))
            raise DocexpError(f"{group} is not set ({sources.of(group)}). Choose one: {group}=… ({choices}).")
        groups[group], plain[group] = fill(config[group], group, base, sources)
    groups[OBJECTIVE] = _objectives(groups["task"], plain, composed, sources)
    top = {key: config[key] for key in TOP if key in config}
    plain.update(fill_values(TopSettings, top, "", sources)[1])
    groups.update({key: plain[key] for key in TOP})
    experiment = composed.choices.get("experiment", "custom")
    settings = RunSettings(**groups, experiment=experiment, plain={"experiment": experiment, **plain})
    if composed.launcher:
        fill(composed.launcher, "hydra.launcher", LauncherSettings, sources)
    check_together(settings, composed)
    return settings


def _objectives(
    task: TaskSettings, plain: dict[str, Any], composed: Composed, sources: Sources
) -> dict[str, ObjectiveSettings]:
    """The chosen objectives, given to the task that trains on them; ``plain`` has none where there are none."""
    nodes = composed.config.get(OBJECTIVE) or {}
    if not isinstance(nodes, dict):
        raise DocexpError(
            f"{OBJECTIVE}={nodes} ({sources.of(OBJECTIVE)}): choose by name, as in {OBJECTIVE}=[mlm,mim]."
        )
    nodes = {name: node for name, node in nodes.items() if not _left_out(str(name), node, composed, sources)}
    filled = {str(name): fill(node, f"{OBJECTIVE}.{name}", ObjectiveSettings, sources) for name, node in nodes.items()}
    found = {name: instance for name, (instance, _) in filled.items()}
    if isinstance(task, PretrainingSettings):
        if not found:
            choices = ", ".join(composed.project.choices(OBJECTIVE))
            raise DocexpError(f"task=pretraining has no objective. Choose some: {OBJECTIVE}=[mlm] ({choices}).")
        task.objectives = found
        running_order(found)
        plain[OBJECTIVE] = {name: node for name, (_, node) in sorted(filled.items())}
    elif found:
        raise DocexpError(
            f"{OBJECTIVE}=[{','.join(found)}] ({sources.of(OBJECTIVE)}) has no effect under "
            f"task={composed.choices.get('task')}. Set task=pretraining."
        )
    return found


def _left_out(name: str, node: Any, composed: Composed, sources: Sources) -> bool:
    """Whether these are settings of an objective that is not chosen.

    An experiment may say how each objective is set and leave it to the command line which of them there are.

    Raises:
        DocexpError: they were typed, or there is no such objective.
    """
    if not isinstance(node, dict) or "_target_" in node:
        return False
    choices = composed.project.choices(OBJECTIVE)
    if name not in choices:
        close = nearest(name, choices)
        hint = f"Nearest: {OBJECTIVE}.{close[0]}." if close else f"Choices: {', '.join(choices)}."
        raise DocexpError(f"{OBJECTIVE}.{name} ({sources.of(f'{OBJECTIVE}.{name}')}) is no objective. {hint}")
    typed = next((key for key in node if sources.typed(f"{OBJECTIVE}.{name}.{key}")), None)
    if typed is None:
        file = composed.project.file(OBJECTIVE, name)
        assert file is not None
        fill({**read_yaml(file)[name], **node}, f"{OBJECTIVE}.{name}", ObjectiveSettings, sources)  # it may be misspelt
        return True
    chosen = [other for other, own in composed.config[OBJECTIVE].items() if "_target_" in own]
    raise DocexpError(
        f"{OBJECTIVE}.{name}.{typed} ({composed.spoken}) has no effect: {name} is not chosen. "
        f"Choose it: {OBJECTIVE}=[{','.join([*chosen, name])}]."
    )


def refuse_unknown(config: dict[str, Any], owner: str, sources: Sources, arguments: Sequence[str] = ()) -> None:
    """Refuses a first-level key that is no setting of a run, nor one of a verb's own ``arguments``."""
    known = [*arguments, *GROUPS, OBJECTIVE, *TOP]
    for key in config:
        if key not in known:
            raise unknown(key, owner, known, sources)
