"""A reader's pages to shards: read by several processes, and gone on from wherever a start ended (``making``)."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading import document_tags, exclude
from docexp.shards.entry import Packed, pack
from docexp.shards.index import Index, SetFacts
from docexp.shards.making import Making, code_version
from docexp.shards.store_image import StoredImages
from docexp.shards.workers import Work
from docexp.shards.write import SHARD_BYTES, Writer, grown_to

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

    A start goes on from an earlier one if reader, source, images, shard size and the code that reads are the same.

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
            DocexpError: as ``Making.run``; or what the reader raises.
        """
        self.facts.images, self.facts.image_size = self.images.images, self.images.image_size
        return Making(self, self.out, self.facts, self.jobs, self.again, self.progress, self.say).run()

    @property
    def work(self) -> Work:
        """Reads and packs a unit."""
        return ReadAndPack(self.reader, self.images)

    def units(self, report: Report) -> Iterator[Any]:
        """The reader's units."""
        return self.reader.units(self.source, report)

    def conclude(self, report: Report) -> None:
        """What the reader has to say when all is read."""
        self.reader.conclude(report)

    def writer(self) -> Writer:
        """A writer that closes a tar once it has ``shard_bytes``."""
        return Writer(self.out, grown_to(self.shard_bytes))

    def depends_on(self) -> dict[str, str]:
        """What the pages depend on besides the units, in words that say what differs."""
        tags = self.reader.document_tags
        target = f"{type(self.reader).__module__}.{type(self.reader).__qualname__}"
        return {
            "reader or setting of it": f"{target} {self.reader!r}",
            "source": str(self.source.resolve()) if self.source else "",
            "exclude lists": repr([exclude.changed(place) for place in self.reader.exclude]),
            "file of document tags": repr(tags and document_tags.changed(tags)),
            "way of storing images": repr(self.images),
            "size of shards": str(self.shard_bytes),
            "version of the code": code_version("docexp/documents/", "docexp/shards/", target=target),
        }
