"""What every dataset reader shares: its settings, the facts it states, and the report of what it met on the way."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.page import Page
from docexp.documents.reading.document_tags import tags_of
from docexp.documents.reading.exclude import lists_naming
from docexp.errors import DocexpError
from docexp.settings import Folder, Settings

SPLITS = ("train", "validation", "test")


@dataclass
class Report:
    """Counts of what a reader kept with a note, repaired, or refused, each under a name a person can read.

    Names are written for a count other than one ("empty words"); ``one`` gives the spelling for a single case. The
    order of the names is the order in which the reader first spoke of them.
    """

    kept: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    singular: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, count: int = 1, one: str = "") -> None:
        """Counts cases that are in the pages, but not as plainly as a user may think."""
        self._add(self.kept, name, count, one)

    def repair(self, name: str, count: int = 1, one: str = "") -> None:
        """Counts cases that were changed."""
        self._add(self.repaired, name, count, one)

    def refuse(self, name: str, count: int = 1, one: str = "") -> None:
        """Counts cases that are not in the pages."""
        self._add(self.refused, name, count, one)

    def add(self, other: "Report") -> None:
        """Adds the counts of another report, such as one that a worker process made."""
        for mine, theirs in ((self.kept, other.kept), (self.repaired, other.repaired), (self.refused, other.refused)):
            for name, count in theirs.items():
                self._add(mine, name, count, other.singular.get(name, ""))

    def lines(self) -> list[str]:
        """One line of text for each kind of count that has any."""
        headed = {"kept, with a note": self.kept, "repaired": self.repaired, "left out": self.refused}
        return [f"{head}: {' · '.join(map(self._text, counts.items()))}" for head, counts in headed.items() if counts]

    def to_json(self) -> dict[str, dict[str, int]]:
        """The counts as plain json values."""
        return {"kept": dict(self.kept), "repaired": dict(self.repaired), "refused": dict(self.refused)}

    def _add(self, counts: dict[str, int], name: str, count: int, one: str) -> None:
        if count:
            counts[name] = counts.get(name, 0) + count
        if one:
            self.singular[name] = one

    def _text(self, item: tuple[str, int]) -> str:
        name, count = item
        return f"{count:,} {self.singular.get(name, name) if count == 1 else name}"


@dataclass(kw_only=True)
class Reader(Settings, ABC):
    """A dataset in its genuine layout, as pages. A subclass is a settings dataclass, named by ``_target_`` in yaml."""

    name: ClassVar[str]
    """The dataset's name in messages and in the index of its shards."""
    licence: ClassVar[str]
    """What the data may be used for, in the words its authors chose."""
    needs_source: ClassVar[bool] = True
    """Whether pages come from files; a reader that draws its pages itself sets False."""

    exclude: list[Folder] = field(default_factory=list)
    """Pages to leave out: files with one page or document id a line, or folders of shards whose pages are left out.
    For pretraining on a collection that the sets of the later evaluation were taken from."""

    document_tags: Folder | None = None
    """A file of tags, for any documents whatever else their reader gives: json lines of a document's id, or the last
    part of it, and its tags, as in ``{"document": "rge31d00", "tags": ["memo", "advertising"]}``."""

    @property
    @abstractmethod
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Each kind of annotation its pages carry (see ``ANNOTATION_KINDS``) with that kind's label names, if any."""

    @abstractmethod
    def units(self, source: Path | None, report: Report) -> Iterator[Any]:
        """The download cut into pieces that can each be read alone, in an order that does not change.

        A unit is whatever ``read`` understands, small, and can be pickled: an annotation file with its split, a
        document, an image's record with its annotations. Listing must be cheap: no page is read here. What can only
        be seen across the whole download (hidden files, images without annotations) is counted here.

        Raises:
            DocexpError: the source is not this dataset; it says what was expected.
        """

    @abstractmethod
    def read(self, unit: Any, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of one unit, each with its split, in an order that does not change; counts go to ``report``.

        Called in any process, so it may use the settings and the unit alone.

        Raises:
            DocexpError: the first fault that is not repaired; it names file, place and what to do.
        """

    def pages(self, source: Path | None, report: Report) -> Iterator[tuple[str, Page]]:
        """Every page that is kept, with its split (one of ``SPLITS`` unless the reader says otherwise), in order."""
        for unit in self.units(source, report):
            yield from self.read_kept(unit, report)
        self.conclude(report)

    def read_kept(self, unit: Any, report: Report) -> Iterator[tuple[str, Page]]:
        """``read`` without the pages that an exclude list names (see ``exclude.names``), counted for each list.

        What ``read`` counted of such a page stays counted. Called in any process, like ``read``; each process reads
        the lists once.

        Raises:
            DocexpError: as ``read``; or a list is not there or holds no id.
        """
        for split, page in self.read(unit, report):
            named = lists_naming(page, self.exclude)
            for place in named:
                report.refuse(_named(place), one=_named(place).replace("pages", "page"))
            if not named:
                yield split, self._tagged(page, report)

    def conclude(self, report: Report) -> None:
        """Notes what can only be said when all pages are read: which exclude lists named none of them.

        Args:
            report: the counts of all units.
        """
        for place in self.exclude:
            if _named(place) not in report.refused:
                report.note(f"exclude list that names no page here (do its ids have another form?): {place}")

    def _tagged(self, page: Page, report: Report) -> Page:
        if self.document_tags is None:
            return page
        tags = tags_of(page.document_id, self.document_tags)
        if tags is None:
            name = f"without tags in {self.document_tags}"
            report.note(f"pages of documents {name}", one=f"page of a document {name}")
            return page
        return replace(page, document_tags=tags)

    def folder(self, source: Path | None) -> Path:
        """The source as a folder that is there.

        Raises:
            DocexpError: no source was given, or it is no folder.
        """
        if source is None:
            raise DocexpError(f"{self.name} needs source=DIR, the folder of its unpacked download.")
        folder = source.expanduser()
        if not folder.is_dir():
            what = "is a file; unpack it and give the folder" if folder.is_file() else "does not exist"
            raise DocexpError(f"{self.name}: source={source} {what}.")
        return folder


def _named(place: str) -> str:
    return f"pages named in {place}"
