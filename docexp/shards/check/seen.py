"""What can only be seen across all pages of a set."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import decode
from docexp.shards.check.alike import SAME, close_pairs, equal_groups, linked, thumbnail
from docexp.shards.check.finding import place, places, sample_at
from docexp.shards.check.page import Checked
from docexp.shards.contents import LABELLED, Tally
from docexp.shards.index import INDEX, Index
from docexp.shards.members import to_page

GROUPS = 20
"""Of many groups of one kind, so many are named, those across splits first."""

KEPT = 256
"""Thumbnails that are remembered while candidates are compared: 9 MB."""


class Seen:
    """Some 60 bytes of every page, so that pages can be compared with each other; 0.7 GB for 11 million."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._tally = Tally()
        self._ids, self._images, self._wordings = (np.zeros(len(index), np.uint64) for _ in range(3))
        self._looks = np.zeros((len(index), 4), np.uint64)
        self._read, self._pictured, self._looked, self._worded = (np.zeros(len(index), bool) for _ in range(4))
        self._oddities: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, -1])
        self._answered = np.zeros(2, np.int64)

    def add(self, page: Checked) -> None:
        """Takes a page in."""
        row = page.row
        if page.id is not None:
            self._ids[row], self._read[row] = page.id, True
            self._tally.add(row, page.counts)
        if page.image is not None:
            self._images[row], self._pictured[row] = page.image, True
        if page.look is not None:
            self._looks[row], self._looked[row] = page.look, True
        if page.wording is not None:
            self._wordings[row], self._worded[row] = page.wording, True
        for many, one, count in page.oddities:
            cases, pages, first = self._oddities[many, one]
            self._oddities[many, one] = [cases + count, pages + 1, row if first < 0 else min(first, row)]
        self._answered += page.answered

    def faults(self) -> Iterator[str]:
        """Ids that come twice, and counts of the index that are not those of the pages."""
        for group in equal_groups(self._ids, self._read):
            named = " and ".join(place(self._index, row) for row in group[:2])
            yield f"one page id comes {len(group)} times: {named}"
        if self._read.all():
            yield from self._count_faults()

    def notes(self) -> Iterator[str]:
        """Pages that come twice, pages without image, and every oddity with its number and its first place."""
        copies = list(equal_groups(self._images, self._pictured))
        yield from self._named(copies, "one image comes {} times")
        yield from self._named(self._near_copies(), "{} images look alike")
        same = (group for group in equal_groups(self._wordings, self._worded) if self._several_images(group))
        yield from self._named(list(same), "{} pages have the same words")
        bare = int((self._read & ~self._pictured).sum())
        if bare:
            yield "1 page has no image" if bare == 1 else f"{bare:,} pages have no image"
        for (many, one), (cases, pages, first) in sorted(self._oddities.items()):
            on = "" if pages == cases else " on 1 page" if pages == 1 else f" on {pages:,} pages"
            where = "" if pages == 1 else ", the first"
            yield f"{cases:,} {one if cases == 1 else many}{on}{where}: {places(self._index, [first])}"
        found, asked = self._answered.tolist()
        if asked:
            yield f"{100 * found / asked:.1f} % of {asked:,} questions have an answer that stands in their page's words"

    def _near_copies(self) -> list[list[int]]:
        """Groups of images that are other bytes and the same picture; candidates are decoded once more."""
        pairs = close_pairs(self._looks, self._looked)
        pairs = pairs[self._images[pairs[:, 0]] != self._images[pairs[:, 1]]]
        thumb = lru_cache(KEPT)(self._thumbnail)
        same = [float(thumb(left) @ thumb(right)) >= SAME for left, right in pairs.tolist()]
        return linked(pairs[np.array(same, bool)])

    def _thumbnail(self, row: int) -> NDArray[np.float32]:
        where, members = sample_at(self._index, row)
        return thumbnail(decode(to_page(members, where)))

    def _several_images(self, group: Sequence[int]) -> bool:
        """Whether a group is more than copies of one image, which have been named."""
        pictured = self._pictured[group]
        return not pictured.all() or len(np.unique(self._images[group])) > 1

    def _named(self, groups: list[list[int]], text: str) -> Iterator[str]:
        splits = [len({self._index.split_of(row) for row in group}) for group in groups]
        order = sorted(range(len(groups)), key=lambda number: (splits[number] == 1, groups[number][0]))
        for number in order[:GROUPS]:
            group = groups[number]
            yield f"{text.format(f'{len(group):,}')}: {places(self._index, group)}"
        if len(order) > GROUPS:
            across = sum(splits[number] > 1 for number in order[GROUPS:])
            yield f"{text.format('several')}: {_more(len(order) - GROUPS, across)}"

    def _count_faults(self) -> Iterator[str]:
        for name, contents in self._index.splits.items():
            inside = np.zeros(len(self._index), bool)
            inside[contents.rows.start : contents.rows.stop] = True
            sums = self._tally.sums(inside)
            for kind in LABELLED:
                if sums[kind] != getattr(contents, kind):
                    yield f"{self._index.folder / INDEX}: {kind} of {name} do not fit the pages. {self._index.remedy}"


def _more(count: int, across: int) -> str:
    cases = "1 more case" if count == 1 else f"{count:,} more cases"
    return f"{cases}, {across:,} of them across splits"
