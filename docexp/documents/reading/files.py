"""Files of a download: found, parsed and checked, with errors that name the file and the key."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from docexp.errors import DocexpError

if TYPE_CHECKING:
    from docexp.documents.readers.reader import Report

_NAME_BYTES = 255  # what file systems allow one name


def listing(folder: Path, pattern: str, report: "Report", hint: str = "Is the archive fully unpacked?") -> list[Path]:
    """The files of ``folder`` that match, sorted by name, without hidden ones (``._x.json`` is what macOS adds).

    Raises:
        DocexpError: there is none.
    """
    found = sorted(folder.glob(pattern))
    files = [file for file in found if not file.name.startswith(".")]
    if not files:
        raise DocexpError(f"{folder}: no {pattern.removeprefix('*.')} file. {hint}")
    report.refuse("hidden files", len(found) - len(files), one="hidden file")
    return files


def read_text(file: Path, hint: str = "Copy it again from the archive.") -> str:
    """A file's text, in UTF-8 with or without a byte order mark; line ends as they are.

    Raises:
        DocexpError: it cannot be read, or is not UTF-8.
    """
    return utf8(read_bytes(file, hint), str(file), hint)


def read_bytes(file: Path, hint: str = "Is the archive fully unpacked?") -> bytes:
    """A file's bytes.

    Raises:
        DocexpError: it cannot be read.
    """
    with readable(file, hint):
        return file.read_bytes()


@contextmanager
def readable(file: Path, hint: str = "Is the archive fully unpacked?") -> Iterator[None]:
    """Around whatever opens and reads a file.

    Raises:
        DocexpError: it is missing, or cannot be read.
    """
    try:
        yield
    except FileNotFoundError:
        raise DocexpError(f"{file} is missing. {hint}") from None
    except OSError as error:
        raise DocexpError(f"{file} cannot be read ({error.strerror}). {hint}") from None


def utf8(data: bytes, where: str, hint: str = "Copy it again from the archive.") -> str:
    """The text that bytes hold, in UTF-8 with or without a byte order mark; ``where`` comes first in the error.

    Raises:
        DocexpError: they are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocexpError(f"{where}: not UTF-8 text ({error.reason} at byte {error.start}). {hint}") from None


def inside(folder: Path, name: str, where: str) -> Path:
    """The file that an annotation calls ``name``, a path relative to ``folder`` with ``/`` between its parts.

    The name is taken as it is written: no escape in it is undone.

    Raises:
        DocexpError: it leads out of the folder, holds a line break, or is no file name at all; ``where`` comes first.
    """
    parts = PurePosixPath(name).parts
    try:
        sound = all(0 < len(os.fsencode(part)) <= _NAME_BYTES for part in parts)
    except UnicodeEncodeError:
        sound = False
    if not parts or parts[0] == "/" or ".." in parts or "\0" in name or name.splitlines() != [name] or not sound:
        raise DocexpError(f"{where}: {name[:80]!a} is no file inside {folder}. Correct it.")
    return folder.joinpath(*parts)


def first_file(name: str, where: str, *folders: Path) -> Path:
    """The file called ``name`` in the first folder that has it; where none has, its place in the first.

    Raises:
        DocexpError: as ``inside``.
    """
    places = [inside(folder, name, where) for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people do: ``page_2`` before ``page_10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def read_json(file: Path, hint: str = "Copy it again from the archive.") -> Any:
    """A json file's value.

    Raises:
        DocexpError: it cannot be read, is not UTF-8 or not json.
    """
    return parse_json(read_text(file, hint), str(file), hint)


def parse_json(text: str, where: str, hint: str = "Copy it again from the archive.") -> Any:
    """The value of a json text; ``where`` comes first in the error.

    Raises:
        DocexpError: it is not json.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocexpError(f"{where}: not a json file ({error}). {hint}") from None


def check_keys(record: Any, kinds: dict[str, type | tuple[type, ...]], where: str) -> None:
    """Refuses a record that lacks a key or holds a value of another type (``True`` is no ``int``).

    Raises:
        DocexpError: names the key.
    """
    if not isinstance(record, dict):
        raise DocexpError(f"{where}: {str(record)[:40]!r} is no record with {', '.join(kinds)}.")
    for key, kind in kinds.items():
        allowed = kind if isinstance(kind, tuple) else (kind,)
        if key not in record:
            raise DocexpError(f'{where}: no "{key}".')
        if type(record[key]) not in allowed:
            names = " or ".join(one.__name__ for one in allowed)
            raise DocexpError(f'{where}: "{key}" is {repr(record[key])[:80]}, not of type {names}.')
