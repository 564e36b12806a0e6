"""What the commands of ``docexp study`` share: their words, and the plan that they begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError, nearest
from docexp.studies.read import read_study, study_file
from docexp.studies.settings import PAPER, StudySettings, key_of
from docexp.verbs.study import COMMANDS
from docexp.verbs.words import Words, split_words

LAUNCHER = ("hydra/launcher", "hydra.launcher")


@dataclass(frozen=True)
class Asked:
    """A command's words, sorted."""

    split: Words
    file: Path
    study: StudySettings
    scale: str
    given: list[str]
    """Words that hold for every run."""
    launcher: list[str]

    @property
    def typed(self) -> str:
        """The study, scale and words, to be typed behind another command."""
        scale = [] if self.scale == PAPER else [f"scale={self.scale}"]
        return " ".join([self.split.names[0], *scale, *self.given])


def read_words(words: Sequence[str], command: str) -> Asked:
    """The words of a command, and the study that they name.

    Raises:
        DocexpError: a word that the command does not take, or no study.
    """
    arguments, flags, groups = COMMANDS[command]
    split = split_words(words, arguments, flags)
    if len(split.names) != 1:
        raise DocexpError(f"docexp study {command} takes one study: the folder of its study.yaml.")
    given, launcher = [], []
    for word in split.overrides:
        key = key_of(word)
        if "hydra/launcher" in groups and (key in LAUNCHER or key.startswith("hydra.launcher.")):
            launcher.append(word)
        elif key.partition(".")[0] in groups:
            given.append(word)
        else:
            known = [*arguments, *groups]
            close = nearest(key.partition(".")[0], known)
            hint = f"Nearest: {close[0]}." if close else f"It takes {', '.join(known)}; all else stands in study.yaml."
            raise DocexpError(f"{word} is nothing that docexp study {command} takes. {hint}")
    file, scale = study_file(split.names[0]), split.arguments.get("scale", PAPER)
    study = read_study(file)
    try:
        study.at(scale)
    except DocexpError as error:
        raise DocexpError(f"{file}: {error}") from None
    return Asked(split, file, study, scale, given, launcher)


def refuse_absent_data(asked: Asked, project: Project) -> None:
    """Refuses to go on where a dataset is not there: the runs' identities depend on it.

    Raises:
        DocexpError: names the commands.
    """
    from docexp.studies.needs import needed, refuse

    absent = [one for one in needed(asked.study.at(asked.scale), project, asked.given) if not one.present]
    made = all(one.made_here for one in absent)
    hint = f"; docexp study run {asked.typed} makes it" if made else ""
    refuse(asked.file, absent, hint)
