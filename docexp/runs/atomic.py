"""Files and folders that are either whole or not there: made beside their place, forced to disk, renamed."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError
from docexp.runs import strict_json

PARTIAL = ".partial-"
"""What the names of unfinished files and folders begin with."""

IN_RUNS = "Set paths.runs to a folder you may write."
"""What to do where a place among the runs cannot be written."""


def write_bytes(path: Path, data: bytes, hint: str = IN_RUNS) -> None:
    """Writes a file so that a reader, or a later start after any kind of death, sees the old one or the new one.

    Raises:
        DocexpError: the place cannot be written; ``hint`` says what to do.
    """
    with mendable(path, hint):
        partial = _beside(path)
        try:
            # not mkstemp, whose files nobody else may read: results are shared with one's group
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_text(path: Path, text: str, hint: str = IN_RUNS) -> None:
    """``write_bytes`` in UTF-8."""
    write_bytes(path, text.encode(), hint)


def write_json(path: Path, value: Any, hint: str = IN_RUNS) -> None:
    """``write_bytes`` of indented json; numbers that are not finite as in ``strict_json``."""
    write_text(path, strict_json.dumps(value, indent=2) + "\n", hint)


def write_yaml(path: Path, value: Any) -> None:
    """``write_bytes`` of yaml, keys in their order."""
    import yaml

    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Gives a hidden folder to fill, which takes the place of ``path`` when the block ends without an error.

    The folder is flat. One that is there already is replaced.

    Raises:
        DocexpError: the place cannot be written.
    """
    with mendable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = _beside(path)
        partial.mkdir()
    try:
        yield partial
        with mendable(path):
            _put_in_place(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def mendable(path: Path, hint: str = IN_RUNS) -> Iterator[None]:
    """Words the operating system's refusal to write ``path`` for the user; ``hint`` is what to do unless it is full.

    Raises:
        DocexpError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Make room, then start again."
        raise DocexpError(f"{path} cannot be written: {error.strerror or error}. {hint}") from error


def sync_file(path: Path) -> None:
    """Forces a file's content to disk."""
    with path.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(path: Path) -> None:
    """Forces the names in a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_in_place(partial: Path, path: Path) -> None:
    for file in partial.iterdir():
        sync_file(file)
    sync_folder(partial)
    old = _beside(path)
    if path.exists():
        path.rename(old)  # a folder cannot be renamed onto a full one
    partial.rename(path)
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{PARTIAL}{path.name}-{secrets.token_hex(4)}")
