"""``site.yaml``: what holds on one cluster, laid over the chosen launcher and kept out of version control."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docexp.config.project import Project
from docexp.errors import DocexpError, nearest

if TYPE_CHECKING:
    from docexp.config.sources import Sources

NAME = "site.yaml"
GROUP = "hydra/launcher"


def site_file(project: Project) -> Path | None:
    """The file beside ``docexp.yaml``, or else in the current folder; None where there is none."""
    places = [folder.parent for folder in project.folders[1:]] or [Path.cwd()]
    return next((file for file in (place / NAME for place in places) if file.is_file()), None)


def site_settings(project: Project, launcher: str) -> dict[str, Any]:
    """What the file sets for a launcher.

    Raises:
        DocexpError: it cannot be read, or speaks of a launcher that does not exist.
    """
    import yaml

    file = site_file(project)
    if file is None:
        return {}
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DocexpError(f"{project.shown(file)} cannot be read: {str(error).splitlines()[0]}") from None
    choices = project.choices(GROUP)
    for name, settings in content.items() if isinstance(content, dict) else [(content, None)]:
        if name not in choices or not isinstance(settings, dict):
            close = nearest(str(name), choices)
            hint = f"Nearest: {close[0]}." if close and name not in choices else f"Launchers: {', '.join(choices)}."
            raise DocexpError(
                f"{project.shown(file)}: {name} must be a launcher with its settings, as in "
                f"slurm: {{partition: a100}}. {hint}"
            )
    return content.get(launcher, {})


def lay_over(launcher: dict[str, Any], settings: dict[str, Any], sources: "Sources") -> dict[str, Any]:
    """The launcher's node with the site's settings, except those that were typed or stand in an experiment."""
    own = {key: value for key, value in settings.items() if sources.is_default(f"hydra.launcher.{key}")}
    return {**launcher, **own}
