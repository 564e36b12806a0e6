"""What a start of ``docexp data prepare`` has read so far, so that the next one goes on from there.

A file of json lines: first what the pages belong to, then a line for each unit, written when its pages are in the tars.
A line that was cut off while it was written does not count, nor do bytes of tars that no line speaks of.
"""

import dataclasses
import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.entry import Entry
from docexp.shards.staging import JOURNAL
from docexp.shards.tars import disk


@dataclass(frozen=True)
class UnitLine:
    """A unit that is in the tars: its fingerprint, its report, and its pages with their size and CRC-32 there."""

    unit: str
    report: Report
    pages: list[tuple[Entry, int, int]]

    def to_text(self) -> str:
        """One line of json."""
        pages = [[entry.to_json(), size, checksum] for entry, size, checksum in self.pages]
        record = {"unit": self.unit, "report": asdict(self.report), "pages": pages}
        return json.dumps(record, separators=(",", ":")) + "\n"

    @classmethod
    def from_text(cls, text: bytes) -> "UnitLine":
        """The inverse of ``to_text``."""
        record = json.loads(text)
        pages = [(Entry.from_json(entry), size, checksum) for entry, size, checksum in record["pages"]]
        return cls(record["unit"], Report(**record["report"]), pages)


class Journal:
    """The journal in ``out``, held by this process alone until it is closed.

    Raises:
        DocexpError: another process holds it, or the disk refuses.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / JOURNAL
        with disk(self._path):
            self._file = self._path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DocexpError(
                f"another process is writing {out} now. Wait for it, or choose another out=DIR."
            ) from None

    def head(self) -> Mapping[str, Any]:
        """What the pages of the last start belong to; empty where there was none."""
        self._file.seek(0)
        try:
            head = json.loads(self._file.readline())
        except ValueError:
            return {}
        return head if isinstance(head, dict) else {}

    def lines(self) -> Iterator[UnitLine]:
        """The units of the last start, up to the first line that is not whole."""
        self._file.seek(0)
        self._file.readline()
        for text in self._file:
            try:
                line = UnitLine.from_text(text)
            except (ValueError, KeyError, TypeError):  # cut off, or what a power failure left of it
                return
            if not text.endswith(b"\n"):
                return
            yield line

    def begin(self, head: Mapping[str, Any]) -> None:
        """Forgets all that was, and says what the pages to come belong to."""
        with disk(self._path):
            self._file.truncate(0)
            self._file.write(json.dumps(head).encode() + b"\n")
            self._file.flush()

    def keep(self, lines: int) -> None:
        """Forgets what follows the first ``lines`` units."""
        self._file.seek(0)
        for _ in range(lines + 1):
            self._file.readline()
        with disk(self._path):
            self._file.truncate(self._file.tell())

    def add(self, line: UnitLine) -> None:
        """A unit is in the tars."""
        with disk(self._path):
            self._file.write(line.to_text().encode())
            self._file.flush()

    def close(self) -> None:
        """Lets another process have it."""
        self._file.close()

    def remove(self) -> None:
        """Nothing is left to go on from."""
        self._path.unlink(missing_ok=True)


def fingerprint(unit: Any) -> str:
    """64 bits over a unit's text and, of every path in it, the file's size and time of change."""
    digest = hashlib.blake2b(repr(unit).encode(errors="surrogatepass"), digest_size=8)
    for path in _paths(unit):
        try:
            state = path.stat()
            digest.update(f"{state.st_size} {state.st_mtime_ns}\n".encode())
        except OSError:
            digest.update(b"missing\n")
    return digest.hexdigest()


def _paths(unit: Any) -> Iterator[Path]:
    if isinstance(unit, Path):
        yield unit
    elif isinstance(unit, Mapping):
        yield from _paths(tuple(unit.values()))
    elif isinstance(unit, list | tuple):
        for part in unit:
            yield from _paths(part)
    elif dataclasses.is_dataclass(unit):
        yield from _paths(tuple(getattr(unit, item.name) for item in dataclasses.fields(unit)))
