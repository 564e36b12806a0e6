"""From command-line words to one plain configuration: Hydra composes, this module asks it and words its refusals."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError, nearest

PRIMARY = "train"
"""The file of ``conf/`` that every run starts from."""


def conf_dir() -> Path:
    """The folder of shipped configurations: inside an installed wheel, beside the package in a clone."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / f"{PRIMARY}.yaml").is_file():
            return folder
    raise DocexpError(
        f"no configurations found in {package / 'conf'} or {package.parent / 'conf'}: install docexp again"
    )


@dataclass(frozen=True)
class Project:
    """Where choices are looked up: the shipped ``conf/`` and, with ``--project``, the user's own."""

    folders: tuple[Path, ...] = field(default_factory=lambda: (conf_dir(),))

    @classmethod
    def at(cls, folder: Path | None) -> "Project":
        """The shipped configurations plus those of ``folder/conf``.

        Raises:
            DocexpError: the folder has no ``conf``, or a name that is shipped already.
        """
        if folder is None:
            return cls()
        own = folder.resolve() / "conf"
        if not own.is_dir():
            raise DocexpError(f"{folder} is no docexp project: it has no folder conf/")
        for file in sorted(own.rglob("*.yaml")):
            if (conf_dir() / file.relative_to(own)).exists():
                raise DocexpError(f"{file} has the name of a shipped configuration: give it another name")
        return cls((conf_dir(), own))

    def groups(self) -> list[str]:
        """The names of the groups one can choose in: ``model``, ``data``, ``hydra/launcher``, …"""
        found = set()
        for root in self.folders:
            for file in root.rglob("*.yaml"):
                parts = file.relative_to(root).parts[:-1]
                if parts:
                    found.add("/".join(parts[:2]) if parts[0] == "hydra" else parts[0])
        return sorted(found)

    def choices(self, group: str) -> list[str]:
        """What can be chosen in ``group``."""
        return sorted(
            file.relative_to(root / group).with_suffix("").as_posix()
            for root in self.folders
            for file in (root / group).rglob("*.yaml")
        )

    def file(self, group: str, choice: str) -> Path | None:
        """The file behind a choice."""
        candidates = (root / group / f"{choice}.yaml" for root in self.folders)
        return next((file for file in candidates if file.is_file()), None)


@dataclass(frozen=True)
class Composed:
    """A composed configuration before any schema has seen it, with what is needed to name the source of a key."""

    config: dict[str, Any]
    choices: dict[str, str]
    overrides: tuple[str, ...]
    project: Project
    launcher: dict[str, Any] = field(default_factory=dict)


def compose(overrides: Sequence[str], project: Project | None = None) -> Composed:
    """Composes ``conf/train.yaml`` with ``overrides`` as typed on the command line.

    A plain ``key=value`` may name any setting, whether or not a yaml mentions it: the schemas decide what exists.

    Raises:
        DocexpError: words that are no override, or a choice that does not exist.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    project = project or Project()
    OmegaConf.register_new_resolver("if_weights", _if_weights, replace=True)
    prepared = [normalise_override(word, project) for word in overrides]
    with _hydra(project) as hydra_compose:
        composed = hydra_compose(PRIMARY, [*search_path(project), *prepared], return_hydra_config=True)
        choices = dict(composed.hydra.runtime.choices)
        launcher = OmegaConf.to_container(composed.hydra.launcher, resolve=True)
        del composed.hydra
        try:
            plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=False)
        except OmegaConfBaseException as error:
            raise DocexpError(f"{error.full_key}: {str(error).splitlines()[0]}") from None
    assert isinstance(plain, dict)
    config = {str(key): value for key, value in plain.items()}
    chosen = {str(group): str(choice) for group, choice in choices.items() if choice is not None}
    assert isinstance(launcher, dict)
    return Composed(config, chosen, tuple(overrides), project, {str(key): value for key, value in launcher.items()})


def normalise_override(word: str, project: Project) -> str:
    """``word`` as Hydra shall read it: choices stay, values are set whether or not a yaml names their key.

    Raises:
        DocexpError: not of the form ``key=value``, or neither a group nor possibly a key.
    """
    if word.startswith("~") or word.startswith("hydra."):
        return word
    match = re.fullmatch(r"(\+{0,2})([A-Za-z_][\w./@-]*)=(.*)", word, flags=re.DOTALL)
    if not match:
        raise DocexpError(f"{word!r} is no override: write key=value, as in trainer.max_steps=100")
    _, key, value = match.groups()
    groups = project.groups()
    if key in groups:
        _check_choices(key, value, project)
        return f"{key}={value}"
    if "/" in key:
        close = nearest(key, groups)
        raise DocexpError(
            f"{key} is no group of conf/. " + (f"Nearest: {close[0]}." if close else f"Groups: {groups}.")
        )
    if "=" in value and value[0] not in "'\"[{":
        value = f"'{value}'"  # as in model.weights=run:experiment=finetune/funsd,seed=1, which Hydra's grammar refuses
    return f"++{key}={value}"


def _if_weights(pretrained: Any, scratch: Any, *, _root_: Any) -> Any:
    """``${if_weights:A,B}`` in yaml: A when ``model.weights`` is set, B when the model starts from scratch."""
    return pretrained if _root_.model.get("weights") else scratch


def search_path(project: Project) -> list[str]:
    """The Hydra override that adds a project's own ``conf`` to the search path, if there is one."""
    own = project.folders[1:]
    return [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in own)}]"] if own else []


def _check_choices(group: str, value: str, project: Project) -> None:
    names = project.choices(group)
    plain = value.strip("'\"")
    if not plain or plain == "null" or re.search(r"[()\[\]{}]", plain):
        return  # a sweep function or a list: Hydra's own grammar judges it
    for name in plain.split(","):
        if name not in names:
            close = nearest(name, names)
            hint = f"Nearest: {close[0]}." if close else f"Choices: {', '.join(names)}."
            raise DocexpError(f"{group}={name} is no choice of conf/{group}/. {hint}")


@contextmanager
def _hydra(project: Project) -> Iterator[Any]:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    try:
        with initialize_config_dir(str(project.folders[0]), version_base="1.3"):
            yield hydra_compose
    except HydraException as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and "hydra.cc" not in line]
        raise DocexpError(" · ".join(lines[:2])) from None
