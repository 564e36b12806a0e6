"""A reader's pages to shards: read by several processes, gone on from wherever a start ended, the same bytes each way.

The main process lists the reader's units and writes; other processes read, validate and encode. Every unit that is in
the tars stands in a journal, so that the next start of the same command takes it over and reads the rest.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.exclude import changed
from docexp.errors import DocexpError
from docexp.runs.code import code_digest
from docexp.shards.entry import Entry, Packed, pack
from docexp.shards.index import Index, SetFacts
from docexp.shards.journal import Journal, UnitLine, fingerprint
from docexp.shards.staging import JOURNAL, enter, make_folder, put_in_place, sweep
from docexp.shards.store_image import StoredImages
from docexp.shards.workers import read_units
from docexp.shards.write import SHARD_BYTES, Writer

MOST_JOBS = 8
"""Without ``jobs`` at most so many processes read: more seldom helps, since one process writes."""


def default_jobs() -> int:
    """As many processes as this one may use processors, at most ``MOST_JOBS``."""
    return min(len(os.sched_getaffinity(0)), MOST_JOBS)


@dataclass(frozen=True)
class ReadAndPack:
    """Reads a unit in any process: its pages as they go into a tar, and the report of what was met."""

    reader: Reader
    images: StoredImages

    def __call__(self, unit: Any) -> Iterator[Packed | Report]:
        """The unit's pages, then its report."""
        report = Report()
        for split, page in self.reader.read_kept(unit, report):
            yield pack(split, self.images.stored(page))
        yield report


@dataclass
class Preparation:
    """The writing of one set. The same reader, source and images give the same bytes, whatever ``jobs``.

    Everything has a temporary name until the last page is written. Whatever ends it earlier (a fault after the first
    finished tar, Ctrl-C, a kill) leaves what was written, and the next start goes on after the last whole unit, if
    reader, source, images, shard size and the code that reads are the same; else it begins anew and says so.

    Args:
        reader: lists and reads the units.
        source: where its download lies.
        out: the folder, made if need be.
        facts: what the index says about the set; how images are stored is filled in.
        jobs: processes that read.
        images: how images are stored.
        shard_bytes: a tar is closed once it has this many bytes.
        again: replaces the shards that ``out`` holds.
        progress: called with the number of pages written, or taken over, since its last call.
        say: told what becomes of an earlier start.
    """

    reader: Reader
    source: Path | None
    out: Path
    facts: SetFacts
    jobs: int = 1
    images: StoredImages = field(default_factory=StoredImages)
    shard_bytes: int = SHARD_BYTES
    again: bool = False
    progress: Callable[[int], None] = lambda pages: None
    say: Callable[[str], None] = print

    def run(self) -> tuple[Index, Report]:
        """Writes the set, puts it in place and opens it; with what the reader met.

        Raises:
            DocexpError: ``out`` holds an index (without ``again``) or tars of others, cannot be written, or is being
                written by another process; two pages have one id; a document has pages in two splits; there is no
                page; or what the reader raises.
        """
        make_folder(self.out, self.again)
        self._journal = Journal(self.out)
        self._writer, self._units_done, self._began = Writer(self.out, self.shard_bytes), 0, False
        try:
            old = enter(self.out, self.again)
            self._read(self._take_over())
            self.facts.images, self.facts.image_size = self.images.images, self.images.image_size
            total = Report()
            total.add(self._listing)
            total.add(self._met)
            self.reader.conclude(total)
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
        head = self._head()
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
        self._writer = Writer(self.out, self.shard_bytes)
        self._listing, self._met = Report(), Report()
        self._units_done = self._pages_done = 0
        self._left = iter(self.reader.units(self.source, self._listing))

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
        for unit, result in read_units(ReadAndPack(self.reader, self.images), units, self.jobs):
            if isinstance(result, Packed):
                self._writer.add(result)
                pages.append((result.entry, len(result.data), result.checksum))
                self.progress(1)
            else:
                self._met.add(result)
                self._writer.flush()  # first the pages, then the line that says they are there
                self._journal.add(UnitLine(fingerprint(unit), result, pages))
                self._units_done, pages = self._units_done + 1, []

    def _head(self) -> dict[str, str]:
        """What the pages depend on besides the units, in words that say what differs."""
        target = f"{type(self.reader).__module__}.{type(self.reader).__qualname__}"
        code = code_digest({"_target_": target})
        ours = {name: digest for name, digest in code.items() if not name.startswith("docexp/") or _reads(name)}
        return {
            "reader or setting of it": f"{target} {self.reader!r}",
            "source": str(self.source.resolve()) if self.source else "",
            "exclude lists": repr([changed(place) for place in self.reader.exclude]),
            "way of storing images": repr(self.images),
            "size of shards": str(self.shard_bytes),
            "version of the code": hashlib.sha256(json.dumps(ours).encode()).hexdigest(),
        }


def _reads(name: str) -> bool:
    return name.startswith(("docexp/documents/", "docexp/shards/"))
