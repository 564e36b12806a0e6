"""Files of one json value a line: listed by their lines' places, so that each can be read alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.reading.files import parse_json, readable, utf8


@dataclass(frozen=True)
class Line:
    """The place of a line that is not blank: its file, its number from 0, and its bytes."""

    file: Path
    number: int
    offset: int
    size: int

    @property
    def where(self) -> str:
        """How messages call it; people count lines from 1."""
        return f"{self.file}, line {self.number + 1}"

    def value(self) -> Any:
        """The line's json value.

        Raises:
            DocexpError: it cannot be read, is not UTF-8 or not json.
        """
        with readable(self.file), self.file.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        hint = "Copy the file again from the archive."
        return parse_json(utf8(data, self.where, hint), self.where, hint)


def json_lines(file: Path, hint: str = "Is the archive fully unpacked?") -> Iterator[Line]:
    """The lines of a file that are not blank, found without parsing them; lines end in LF or CRLF.

    Raises:
        DocexpError: it cannot be read.
    """
    offset = 0
    with readable(file, hint), file.open("rb") as lines:
        for number, line in enumerate(lines):
            if line.strip():
                yield Line(file, number, offset, len(line))
            offset += len(line)
