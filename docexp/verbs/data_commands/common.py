"""What the commands of ``docexp data`` share: their words, the ``data`` group alone, what they say when done."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from docexp.config.check import refuse_unknown
from docexp.config.compose import Composed, compose
from docexp.config.fill import fill
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError, nearest
from docexp.inputs.settings import DataSettings, PageSettings
from docexp.shards.index import Index
from docexp.verbs.data import COMMANDS
from docexp.verbs.words import Words, split_words


def split_command(words: Sequence[str], command: str) -> Words:
    """The words of a command, sorted.

    Raises:
        DocexpError: a word that the command does not take.
    """
    arguments, flags, groups = COMMANDS[command]
    split = split_words(words, arguments, flags)
    if split.names:
        raise DocexpError(f"{split.names[0]!r} is no key=value. See: docexp data {command} --help")
    for word in split.overrides:
        group = word.lstrip("+").partition("=")[0].partition(".")[0]
        known = [*arguments, *groups]
        if group not in known:
            close = nearest(group, known)
            hint = f"Nearest: {close[0]}." if close else f"It takes {', '.join(known)}."
            raise DocexpError(f"{word} is nothing that docexp data {command} takes. {hint}")
    return split


def data_settings(overrides: Sequence[str], project: Project, command: str) -> DataSettings:
    """The checked ``data`` group alone, so that a dataset can be prepared without choosing a model."""
    return composed_data(overrides, project, command)[0]


def composed_data(overrides: Sequence[str], project: Project, command: str) -> tuple[DataSettings, Composed]:
    """``data_settings``, and the configuration that they are a part of.

    Raises:
        DocexpError: a setting that is none, or data that is a mixture.
    """
    composed = compose(overrides, project)
    refuse_unknown(composed.config, f"docexp data {command}", Sources(composed), tuple(COMMANDS[command][0]))
    settings, _ = fill(composed.config.get("data"), "data", PageSettings, Sources(composed))
    return one_dataset(settings, command), composed


def one_dataset(settings: PageSettings, command: str) -> DataSettings:
    """The settings of a dataset.

    Raises:
        DocexpError: they are those of a mixture.
    """
    if not isinstance(settings, DataSettings):
        places = ", ".join(f"data.shards={place}" for place in settings.places().values())
        raise DocexpError(f"docexp data {command} takes one dataset; {settings.name} is a mixture. Name one: {places}")
    return settings


def whole_number(words: Words, name: str, default: int, least: int = 1) -> int:
    """The argument ``name`` as a whole number.

    Raises:
        DocexpError: it is none, or below ``least``.
    """
    given = words.arguments.get(name, str(default))
    if not given.isascii() or not given.isdigit() or int(given) < least:
        raise DocexpError(f"{name}={given} must be a whole number, at least {least}")
    return int(given)


def file_to_write(words: Words, name: str, endings: Sequence[str]) -> Path | None:
    """The argument ``name`` as a file that can be made; None where it is not given.

    Raises:
        DocexpError: it has another ending, or its folder is not there.
    """
    if name not in words.arguments:
        return None
    file = Path(words.arguments[name]).expanduser()
    if file.suffix not in endings:
        raise DocexpError(f"{name}={file} must end in {', '.join(endings[:-1])} or {endings[-1]}")
    if not file.parent.is_dir():
        raise DocexpError(f"{name}={file}: there is no folder {file.parent}")
    return file


def as_typed(command: str, words: Sequence[str]) -> str:
    """The command as it was typed, without the number of processes, which changes no byte."""
    return shlex.join(["docexp", "data", command, *(word for word in words if not word.startswith("jobs="))])


@contextmanager
def counting(name: str) -> Iterator[Callable[[int], None]]:
    """A line with the number of pages so far, where there is a terminal."""
    console = Console(highlight=False)
    total = 0

    def count(more: int) -> None:
        nonlocal total
        total += more
        status.update(f"{name}: {total:,} pages")

    with console.status(name) as status:
        yield count


def say_made(made: Index, report: Report | None) -> None:
    """What was made, what the reader met, and where it lies."""
    print(made.summary())
    for line in report.lines() if report else ():
        print(f"  {line}")
    print(made.place())
