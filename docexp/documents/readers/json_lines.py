"""Files with one json value a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docexp.documents.readers.files import parse_json, read_text


def json_lines(file: Path) -> Iterator[tuple[str, Any]]:
    """Each line's place in words (file and line, counted from 1) and its value; lines without text are passed over.

    Raises:
        DocexpError: the file cannot be read, is not UTF-8, or a line is not json.
    """
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if line.strip():
            where = f"{file}, line {number}"
            yield where, parse_json(line, where)
