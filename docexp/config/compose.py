"""From command-line words to one plain configuration: Hydra composes, this module asks it and words its refusals."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from docexp.config.overrides import LAUNCHER, normalise
from docexp.config.project import PRIMARY, Project
from docexp.config.site import lay_over, site_settings
from docexp.config.sources import OVERLAYS, Sources, read_yaml
from docexp.errors import DocexpError, nearest

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Composed:
    """A composed configuration before any schema has seen it, with what is needed to name the source of a key."""

    config: dict[str, Any]
    choices: dict[str, str]
    overrides: tuple[str, ...]
    project: Project
    launcher: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
    """The file that holds all of it, where nothing was composed."""
    spoken: str = COMMAND_LINE
    """Where the overrides stand."""
    site: dict[str, Any] = field(default_factory=dict)
    """What ``site.yaml`` sets for the chosen launcher."""


def compose(overrides: Sequence[str], project: Project | None = None, spoken: str = COMMAND_LINE) -> Composed:
    """Composes ``conf/train.yaml`` with ``overrides`` as typed on the command line.

    A plain ``key=value`` may name any setting, whether or not a yaml mentions it: the schemas decide what exists.

    Args:
        overrides: the words.
        project: where choices are looked up.
        spoken: where the words stand, for refusals.

    Raises:
        DocexpError: words that are no override, a choice that does not exist, a yaml that cannot be read, an
            interpolation that names nothing, a ``site.yaml`` that is wrong.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    project = project or Project()
    OmegaConf.register_new_resolver("if_weights", _if_weights, replace=True)
    prepared = normalise(overrides, project)
    with _hydra(project, overrides) as hydra_compose:
        node = hydra_compose(PRIMARY, [*search_path(project), *prepared], return_hydra_config=True)
        choices = {
            str(group): str(choice) for group, choice in node.hydra.runtime.choices.items() if choice is not None
        }
        composed = Composed({}, choices, tuple(overrides), project, spoken=spoken)
        _check_files(composed)
        try:
            launcher = OmegaConf.to_container(node.hydra.launcher, resolve=True)
            del node.hydra
            config = OmegaConf.to_container(node, resolve=True, throw_on_missing=False)
        except OmegaConfBaseException as error:
            raise _unresolved(error, composed, OmegaConf.to_container(node, resolve=False)) from None
    assert isinstance(config, dict) and isinstance(launcher, dict)
    plain, starter = ({str(key): value for key, value in part.items()} for part in (config, launcher))
    site = site_settings(project, choices.get("hydra/launcher", ""))
    composed = Composed(plain, choices, tuple(overrides), project, starter, spoken=spoken, site=site)
    return replace(composed, launcher=lay_over(starter, site, Sources(composed)))


def search_path(project: Project) -> list[str]:
    """The Hydra override that adds a project's own ``conf`` to the search path, if there is one."""
    quoted = [f"'file://{folder}'" for folder in project.folders[1:]]
    return [f"hydra.searchpath=[{','.join(quoted)}]"] if quoted else []


def _if_weights(pretrained: Any, scratch: Any, *, _root_: Any) -> Any:
    """``${if_weights:A,B}`` in yaml: A when ``model.weights`` is set, B when the model starts from scratch."""
    return pretrained if _root_.model.get("weights") else scratch


def _check_files(composed: Composed) -> None:
    """Refuses what Hydra lets pass in a chosen file: a list instead of settings, settings of Hydra that do nothing."""
    for group, choice in composed.choices.items():
        file = composed.project.file(group, choice)
        if file is None:
            continue
        content, place = read_yaml(file), composed.project.shown(file)
        if not isinstance(content, dict):
            raise DocexpError(f"{place} must hold settings, key: value; it holds a {type(content).__name__}.")
        overlay = "# @package _global_" in file.read_text(encoding="utf-8")
        if group == "experiment" and not overlay:
            raise DocexpError(f"{place} must open with the line: # @package _global_")
        hydra = content.get("hydra") if overlay else None
        for key in hydra if isinstance(hydra, dict) else ():
            if not f"hydra.{key}.".startswith(LAUNCHER):
                raise DocexpError(f"{place}: hydra.{key} has no effect: docexp makes the run folders itself.")


def _unresolved(error: Any, composed: Composed, raw: Any) -> DocexpError:
    """An interpolation that names nothing, with its key and file."""
    key = str(error.full_key or "")
    reason = str(error).splitlines()[0].rpartition("while resolving interpolation: ")[2].strip('"')
    missing = re.search(r"Interpolation key '([^']+)' not found", reason)
    if missing:
        close = nearest(missing[1], list(_dotted(raw)))
        reason = f"${{{missing[1]}}} names nothing that a yaml sets." + (f" Nearest: ${{{close[0]}}}." if close else "")
    return DocexpError(f"{key} ({Sources(composed).of(key)}): {reason}")


def _dotted(node: Any, prefix: str = "") -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        yield f"{prefix}{key}"
        yield from _dotted(value, f"{prefix}{key}.")


@contextmanager
def _hydra(project: Project, words: Sequence[str]) -> Iterator[Any]:
    import yaml
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_dir(str(project.folders[0]), version_base="1.3"):
            yield hydra_compose
    except HydraException as error:
        raise _refused(str(error), project, words) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{project.shown(Path(mark.name))}, line {mark.line + 1}" if mark else "a yaml"
        raise DocexpError(f"{place}: {error.problem or error.context}. Correct the yaml there.") from None
    except UnicodeDecodeError:
        names = [project.shown(file) for file in project.files() if not _is_text(file)]
        raise DocexpError(f"{', '.join(names)}: not UTF-8. Save it as UTF-8.") from None
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        # what Hydra itself stumbles over, such as data.labels.x=1 where labels is a list
        shown = " ".join(words) or "the configuration"
        raise DocexpError(f"{shown}: Hydra cannot put this together ({str(error).splitlines()[0]}).") from error


def _refused(reason: str, project: Project, words: Sequence[str]) -> DocexpError:
    """Hydra's refusal of a defaults list, with the file that holds it and the nearest name."""
    overlay = _overlay(project, words)
    group = re.search(r"In '([^']+)': Could not override '([^']+)'. No match", reason)
    if group:
        file = project.file(*group[1].split("/", 1)) if "/" in group[1] else None
        place, named = project.shown(file) if file else group[1], group[2].split("@")[0].rpartition("/")[2]
        close = nearest(named, project.groups())
        hint = f"Nearest: override /{close[0]}." if close else f"Groups: {', '.join(project.groups())}."
        return DocexpError(f"{place} overrides {group[2].split('@')[0]}, which is no group. {hint}")
    typed = re.search(r"In '([^']+)': ConfigTypeError", reason)
    file = project.file(*typed[1].split("/", 1)) if typed and "/" in typed[1] else None
    if file:
        return DocexpError(f"{project.shown(file)} must hold settings, key: value, of the kinds they have elsewhere.")
    found = re.search(r"Could not find '([^']+)'", reason)
    if found and "/" in found[1]:
        named, _, choice = found[1].partition("/")
        if named == "hydra":
            named, choice = "hydra/" + choice.partition("/")[0], choice.partition("/")[2]
        names = project.choices(named)
        inner = choice.partition("/")[0]
        if inner in project.groups():  # what a defaults list without "override /" leads to
            return DocexpError(f"defaults{overlay}: write 'override /{inner}: {choice.partition('/')[2]}'.")
        close = nearest(choice, names)
        hint = f"Nearest: {close[0]}." if close else f"Choices: {', '.join(names)}."
        return DocexpError(f"{named}={choice}{overlay} is no choice of conf/{named}/. {hint}")
    lines = [line.strip() for line in reason.splitlines() if line.strip() and "hydra.cc" not in line]
    return DocexpError(" · ".join(lines[:2]) + overlay)


def _overlay(project: Project, words: Sequence[str]) -> str:
    """`` (conf/experiment/x.yaml)`` where an overlay was asked for, whose defaults list it then is; else nothing."""
    for word in words:
        group, _, choice = word.lstrip("+").partition("=")
        file = project.file(group, choice) if group in OVERLAYS else None
        if file:
            return f" ({project.shown(file)})"
    return ""


def _is_text(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
