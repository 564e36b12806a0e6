"""Files of one json value a line: listed by their lines' places, so that each can be read alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.files import parse_json
from docexp.errors import DocexpError


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
        try:
            with self.file.open("rb") as file:
                file.seek(self.offset)
                text = file.read(self.size).decode()
        except OSError as error:
            raise DocexpError(
                f"{self.file} cannot be read ({error.strerror}). Is the archive fully unpacked?"
            ) from None
        except UnicodeDecodeError as error:
            raise DocexpError(f"{self.where}: not UTF-8 text ({error.reason}). Copy the file again.") from None
        return parse_json(text, self.where, "Copy the file again from the archive.")


def json_lines(file: Path, hint: str = "Is the archive fully unpacked?") -> Iterator[Line]:
    """The lines of a file that are not blank, found without parsing them; lines end in LF or CRLF.

    Raises:
        DocexpError: it cannot be read.
    """
    offset = 0
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines):
                if line.strip():
                    yield Line(file, number, offset, len(line))
                offset += len(line)
    except FileNotFoundError:
        raise DocexpError(f"{file} is missing. {hint}") from None
    except OSError as error:
        raise DocexpError(f"{file} cannot be read ({error.strerror}). {hint}") from None
