"""Pages to a set of shards: made by several processes, gone on from wherever a start ended, the same bytes each way.

The main process lists units and writes; other processes make the units' pages. Every unit that is in the tars stands
in a journal, so that the next start of the same command takes it over and makes the rest.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.runs.code import code_digest
from docexp.shards.entry import Entry, Packed
from docexp.shards.index import Index, SetFacts
from docexp.shards.journal import Journal, UnitLine, fingerprint
from docexp.shards.staging import JOURNAL, enter, make_folder, put_in_place, sweep
from docexp.shards.workers import Work, read_units
from docexp.shards.write import Writer


class Origin(Protocol):
    """Where the pages of a set come from."""

    @property
    def work(self) -> Work:
        """Makes the pages of a unit, in any process."""
        ...

    def units(self, report: Report) -> Iterator[Any]:
        """What the pages are made of, piece by piece, in an order that does not change."""
        ...

    def conclude(self, report: Report) -> None:
        """Notes what can only be said when all pages are there."""
        ...

    def depends_on(self) -> dict[str, str]:
        """What the pages depend on besides the units, under words that say what differs."""
        ...

    def writer(self) -> Writer:
        """A new writer of the set."""
        ...


@dataclass
class Making:
    """The writing of one set. The same origin gives the same bytes, whatever ``jobs``.

    Everything has a temporary name until the last page is written. Whatever ends it earlier (a fault after the first
    finished tar, Ctrl-C, a kill) leaves what was written, and the next start goes on after the last whole unit, if
    the units and all that the origin depends on are the same; else it begins anew and says so.

    Args:
        origin: lists and makes the pages.
        out: the folder, made if need be.
        facts: what the index says about the set.
        jobs: processes that make pages.
        again: replaces the shards that ``out`` holds.
        progress: called with the number of pages written, or taken over, since its last call.
        say: told what becomes of an earlier start.
    """

    origin: Origin
    out: Path
    facts: SetFacts
    jobs: int
    again: bool
    progress: Callable[[int], None]
    say: Callable[[str], None]

    def run(self) -> tuple[Index, Report]:
        """Writes the set, puts it in place and opens it; with what was met on the way.

        Raises:
            DocexpError: ``out`` holds an index (without ``again``) or tars of others, cannot be written, or is being
                written by another process; two pages have one id; a document has pages in two splits; there is no
                page; or what the origin raises.
        """
        make_folder(self.out, self.again)
        self._journal = Journal(self.out)
        self._writer, self._units_done, self._began = self.origin.writer(), 0, False
        try:
            old = enter(self.out, self.again)
            self._read(self._take_over())
            total = Report()
            total.add(self._listing)
            total.add(self._met)
            self.origin.conclude(total)
            new = self._writer.finish(self.facts, total)
            put_in_place(self.out, old, new)
            sweep(self.out)
        except BaseException as error:
            self._writer.abandon()
            if self._leaves_nothing(error):
                self._writer.discard()
                self._journal.remove()
            raise
        finally:
            self._journal.close()
        return Index.open(self.out), total

    def _take_over(self) -> Iterator[Any]:
        """Takes over what an earlier start left, if it fits; gives the units that are still to be read."""
        head = self.origin.depends_on()
        before = self._journal.head()
        other = [name for name in head if before.get(name) != head[name]]
        if before and not other:
            fault, lines = self._replay(None)
            if fault is None and lines is not None:  # the machine went down: not all that the journal says is there
                fault, _ = self._replay(lines)
            if fault is None:
                self._journal.keep(self._units_done)
                self._began = True
                if self._units_done:
                    self.say(f"goes on from an earlier start, with {self._pages_done:,} pages written")
                return self._left
            self.say(f"begins anew: {fault}")
        elif before:
            self.say(f"begins anew: an earlier start here had another {' and '.join(other)}")
        self._anew()
        first = next(self._left, None)  # a source that is none is found before anything is removed
        sweep(self.out, keep=JOURNAL)
        self._journal.begin(head)
        self._began = True
        return chain(() if first is None else (first,), self._left)

    def _leaves_nothing(self, error: BaseException) -> bool:
        """Whether nothing is worth keeping: of a set without one finished tar, a fault leaves nothing either."""
        if not self._began:
            return not self._journal.head()
        return not self._units_done or (isinstance(error, DocexpError) and not self._writer.closed)

    def _anew(self) -> None:
        self._writer.abandon()
        self._writer = self.origin.writer()
        self._listing, self._met = Report(), Report()
        self._units_done = self._pages_done = 0
        self._left = iter(self.origin.units(self._listing))

    def _replay(self, limit: int | None) -> tuple[str | None, int | None]:
        """Takes over the units of the journal, the first ``limit`` of them.

        Returns:
            why they are of no use, and of how many units all pages are there where it is not all of them.
        """
        self._anew()
        for line in self._journal.lines():
            if self._units_done == limit:
                break
            unit = next(self._left, None)
            if unit is None or fingerprint(unit) != line.unit:
                return "the source has changed since an earlier start", None
            if not all(self._writer.take_over(*page) for page in line.pages):
                return None, self._units_done
            self._met.add(line.report)
            self._units_done, self._pages_done = self._units_done + 1, self._pages_done + len(line.pages)
        self._writer.cut()
        self.progress(self._pages_done)
        return None, None

    def _read(self, units: Iterator[Any]) -> None:
        pages: list[tuple[Entry, int, int]] = []
        for unit, result in read_units(self.origin.work, units, self.jobs):
            if isinstance(result, Packed):
                self._writer.add(result)
                pages.append((result.entry, len(result.data), result.checksum))
                self.progress(1)
            else:
                self._met.add(result)
                self._writer.flush()  # first the pages, then the line that says they are there
                self._journal.add(UnitLine(fingerprint(unit), result, pages))
                self._units_done, pages = self._units_done + 1, []


def code_version(*folders: str, target: str = "") -> str:
    """A digest of docexp's source files below these folders, and of the code that ``target`` names outside docexp."""
    code = code_digest({"_target_": target} if target else {})
    ours = {name: digest for name, digest in code.items() if not name.startswith("docexp/") or name.startswith(folders)}
    return hashlib.sha256(json.dumps(ours).encode()).hexdigest()
