"""Where configurations lie: the shipped ``conf/`` and a project's own. Imports nothing heavy, for shell completion."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docexp.errors import DocexpError

PRIMARY = "train"
"""The file of ``conf/`` that every run starts from."""
OBJECTIVE = "objective"
"""The group of which several are chosen, ``objective=[mlm,mim]``; each file's one key is the choice's name."""


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

    def files(self) -> Iterator[Path]:
        """Every yaml, the shipped ones first."""
        for root in self.folders:
            yield from sorted(root.rglob("*.yaml"))

    def shown(self, file: Path) -> str:
        """A file as messages name it: ``conf/model/x.yaml`` when it is shipped, else relative to where one stands."""
        if file.is_relative_to(self.folders[0]):
            return f"conf/{file.relative_to(self.folders[0]).as_posix()}"
        return os.path.relpath(file)

    def header(self, group: str, choice: str) -> list[str]:
        """The comment lines that a choice's file opens with, without ``#`` and without Hydra's package line."""
        file = self.file(group, choice)
        lines = []
        for line in file.read_text(encoding="utf-8").splitlines() if file else ():
            if not line.startswith("#"):
                break
            if not line.startswith("# @package"):
                lines.append(line.removeprefix("#").removeprefix(" ").rstrip())
        return lines

    def defaults(self, group: str = "", choice: str = "") -> dict[str, str]:
        """What ``conf/train.yaml``, or a choice's own defaults list, chooses in each group."""
        import yaml

        file = self.file(group, choice) if group else self.folders[0] / f"{PRIMARY}.yaml"
        content = yaml.safe_load(file.read_text(encoding="utf-8")) if file else None
        listed = content.get("defaults") if isinstance(content, dict) else None
        items = [item for item in listed or () if isinstance(item, dict)]
        pairs = [(str(key), str(value)) for item in items for key, value in item.items() if value is not None]
        return {key.removeprefix("override ").removeprefix("/"): value for key, value in pairs}
