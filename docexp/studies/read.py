"""A study's file, read strictly: every refusal names the file, the key and the nearest valid name."""

from pathlib import Path
from typing import Any

from docexp.config.compose import Composed
from docexp.config.fill import fill_values
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.errors import DocexpError, nearest
from docexp.studies.settings import StudySettings

FILE = "study.yaml"


class _OneFile(Sources):
    """All keys come from the study's file."""

    owner = "a study"

    def __init__(self, file: Path) -> None:
        super().__init__(Composed({}, {}, (), Project(), origin=str(file)))

    def settings(self) -> list[str]:
        """None: those of a run have no place here."""
        return []


def study_file(named: str) -> Path:
    """The file of a study that is named by itself or by its folder.

    Raises:
        DocexpError: there is none; names what comes nearest.
    """
    place = Path(named).expanduser()
    file = place / FILE if place.is_dir() else place
    if file.is_file():
        return file
    known = [str(found.parent) for found in sorted(place.parent.glob(f"*/{FILE}"))]
    known = known or [str(found.parent) for found in sorted(Path("experiments").glob(f"*/{FILE}"))]
    close = nearest(str(place), known)
    hint = f"Nearest: {close[0]}." if close else f"There are: {', '.join(known)}." if known else "Give its folder."
    raise DocexpError(f"no study in {named}: there is no {file}. {hint}")


def read_study(file: Path) -> StudySettings:
    """The study that a file describes.

    Raises:
        DocexpError: no yaml, an unknown key, a wrong type, names that do not fit together.
    """
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise DocexpError(f"{file}{where}: no yaml ({getattr(error, 'problem', None) or error})") from None
    except OSError as error:
        raise DocexpError(f"{file} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise DocexpError(f"{file} holds no study: it should be settings, key: value")
    try:
        study, _ = fill_values(StudySettings, _escaped(content), "", _OneFile(file))
    except DocexpError as error:
        raise DocexpError(str(error) if str(file) in str(error) else f"{file}: {error}") from None
    return study


def _escaped(value: Any) -> Any:
    """``${…}`` kept as it is written: it is for the study's runs, not for the study."""
    if isinstance(value, dict):
        return {str(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
