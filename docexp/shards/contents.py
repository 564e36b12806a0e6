"""What a split holds, counted: pages, documents, words, and everything that has a label."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from docexp.documents.page import Page

Counts = dict[str, int]


@dataclass(frozen=True)
class Contents:
    """A split's row range in the index and what lies in it.

    ``annotations`` holds the number of pages that carry each kind. ``entities_with_words`` are those with at least
    one word that is not blank: only they can be found in a page's text. ``members`` counts tar members by suffix.
    """

    rows: range
    documents: int
    words: int
    questions: int
    annotations: Counts = field(default_factory=dict)
    entities: Counts = field(default_factory=dict)
    entities_with_words: Counts = field(default_factory=dict)
    relations: Counts = field(default_factory=dict)
    regions: Counts = field(default_factory=dict)
    document_classes: Counts = field(default_factory=dict)
    document_tags: Counts = field(default_factory=dict)
    members: Counts = field(default_factory=dict)

    @property
    def pages(self) -> int:
        """Number of pages."""
        return len(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Plain json values; the inverse of ``from_json``."""
        record = {f.name: getattr(self, f.name) for f in fields(self)}
        return record | {"rows": [self.rows.start, self.rows.stop]}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """The inverse of ``to_json``."""
        return cls(**{**record, "rows": range(*record["rows"])})


LABELLED = tuple(f.name for f in fields(Contents) if f.default_factory is dict)
"""The kinds of counts that go by name."""


class Tally:
    """Counts by page of everything that goes by name, summed up once it is known which page belongs to which split.

    Held as three flat columns (page, name, count): tens of millions of pages without annotations cost nothing.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], int] = {}
        self._pages, self._codes, self._counts = array("q"), array("q"), array("q")

    def add(self, number: int, found: Mapping[tuple[str, str], int]) -> None:
        """Counts page ``number`` by what ``counts_of`` found on it."""
        for name, count in found.items():
            self._pages.append(number)
            self._codes.append(self._names.setdefault(name, len(self._names)))
            self._counts.append(count)

    def sums(self, chosen: NDArray[np.bool_]) -> dict[str, Counts]:
        """Sums over the pages where ``chosen [pages]`` is true, by kind and then name, names sorted."""
        pages, codes, counts = (np.frombuffer(column, np.int64) for column in (self._pages, self._codes, self._counts))
        kept = chosen[pages]
        sums = np.bincount(codes[kept], weights=counts[kept], minlength=len(self._names))
        result: dict[str, Counts] = {kind: {} for kind in LABELLED}
        for (kind, name), code in sorted(self._names.items()):
            if sums[code]:
                result[kind][name] = int(sums[code])
        return result


def counts_of(page: Page, suffixes: Iterable[str]) -> Mapping[tuple[str, str], int]:
    """How often each name comes on a page, by kind and name; ``suffixes`` are those of its sample's members."""
    found = Counter(_names(page))
    found.update(("members", suffix) for suffix in suffixes)
    return found


def _names(page: Page) -> Iterator[tuple[str, str]]:
    for kind in page.annotations:
        yield "annotations", kind
    blank = page.blank
    for entity in page.entities or ():
        yield "entities", entity.label
        if not all(blank[word] for word in entity.words):
            yield "entities_with_words", entity.label
    for relation in page.relations or ():
        yield "relations", relation.label
    for region in page.regions or ():
        yield "regions", region.label
    if page.document_class is not None:
        yield "document_classes", page.document_class
    for tag in page.document_tags or ():
        yield "document_tags", tag
