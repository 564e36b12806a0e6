"""The datasets that a study needs: which are there, which ``study run`` makes, and how the others are made."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.shards.remote import is_url
from docexp.studies.settings import StudySettings, merged


@dataclass(frozen=True)
class Needed:
    """One line of a study's ``data``."""

    words: list[str]
    present: bool
    made_here: bool
    """Whether it can be made without a download."""

    @property
    def command(self) -> str:
        """As one would type it."""
        source = [] if self.made_here else ["source=DIR"]
        return " ".join(["docexp data prepare", *map(shlex.quote, self.words), *source])


def needed(study: StudySettings, project: Project, given: Sequence[str] = ()) -> list[Needed]:
    """Every dataset of the study's ``data``; ``given`` are the command line's words about ``paths``.

    Raises:
        DocexpError: words that ``docexp data prepare`` does not take.
    """
    from docexp.verbs.data_commands.common import data_settings, split_command

    found = []
    for line in study.data:
        try:
            words = merged(shlex.split(line), [word for word in given if word.startswith("paths.")])
            split = split_command(words, "prepare")
            data = data_settings(split.overrides, project, "prepare")
        except (DocexpError, ValueError) as error:
            raise DocexpError(f"data: {line!r}: {error}") from None
        place = split.arguments.get("out", data.shards)
        present = is_url(place) or Path(place).expanduser().exists()
        made_here = "source" in split.arguments or (data.reader is not None and not data.reader.needs_source)
        found.append(Needed(words, present, made_here))
    return found


def prepare(file: Path, datasets: Sequence[Needed], project: Project) -> None:
    """Makes what is not there of what the study in ``file`` needs.

    Raises:
        DocexpError: something of it needs a download; then nothing is made.
    """
    from docexp.verbs.data_commands.prepare import run

    absent = [one for one in datasets if not one.present]
    refuse(file, [one for one in absent if not one.made_here])
    for one in absent:
        run(one.words, project)


def refuse(file: Path, absent: Iterable[Needed], hint: str = "") -> None:
    """Says how to make what is not there.

    Raises:
        DocexpError: there is any.
    """
    commands = [one.command for one in absent]
    if commands:
        raise DocexpError(f"{file} needs data that is not there. Make it: {'; '.join(commands)}{hint}")
