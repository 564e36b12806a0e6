"""Everything that can be wrong with shards, looked for."""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import decode
from docexp.errors import DocexpError
from docexp.shards.build import content_checksum
from docexp.shards.contents import LABELLED, Tally
from docexp.shards.index import INDEX, TABLE, Index
from docexp.shards.members import parse_sample, to_page
from docexp.shards.read import damage
from docexp.shards.table import COUNTED, hash64, page_counts, table_checksum

SHOWN = 5
"""Of many pages with one image, so many are named."""


@dataclass(frozen=True)
class Finding:
    """One line about a set. A fault must be mended; what is none is worth knowing."""

    text: str
    fault: bool = True


def check(index: Index, progress: Callable[[int], None] | None = None) -> list[Finding]:
    """Reads every byte of a set, decodes every image, and says all that is wrong, faults first.

    Faults: checksums and sizes that differ, records that are no page with valid boxes, images that do not decode,
    ids that come twice, documents with pages in several splits, counts of the index that are not those of the pages.
    Notes: pages without an image, and images that come twice, within a split or across.

    Args:
        index: the set.
        progress: called with the number of pages looked at since its last call.
    """
    faults = list(_index_faults(index))
    seen = _Seen(index)
    for number in range(len(index.shards)):
        for pages in _check_shard(index, number, seen, faults):
            if progress:
                progress(pages)
    faults += seen.faults()
    return [*map(Finding, faults), *(Finding(note, fault=False) for note in seen.notes())]


def _index_faults(index: Index) -> Iterator[str]:
    if table_checksum(index.table) != index.table_sha256:
        yield f"{index.folder / TABLE} does not match its checksum. {index.remedy}"
    elif content_checksum(index.shards, index.splits, index.table) != index.checksum:
        yield f"{index.folder / INDEX} does not match its own checksum. {index.remedy}"
    for left, right in combinations(index.splits, 2):
        ours, others = (index.table["document"][_slice(index.splits[name].rows)] for name in (left, right))
        shared, first, second = np.intersect1d(ours, others, return_indices=True)
        if len(shared):
            rows = index.splits[left].rows[first[0]], index.splits[right].rows[second[0]]
            places = " and ".join(_place(index, row) for row in rows)
            what = "1 document has" if len(shared) == 1 else f"{len(shared):,} documents have"
            yield f"{what} pages in {left} and in {right}: {places}" + (", …" if len(shared) > 1 else "")


def _check_shard(index: Index, number: int, seen: "_Seen", faults: list[str]) -> Iterator[int]:
    """Checks a tar and its pages; yields how many were looked at since the last time."""
    rows = [row for first, stop in index.shards[number].rows for row in range(first, stop)]
    fault = damage(index, number, deep=True)
    if fault:
        faults.append(fault)
        yield len(rows)
        return
    for row in sorted(rows, key=lambda row: int(index.table["offset"][row])):
        try:
            _check_page(index, row, seen)
        except DocexpError as error:
            faults.append(str(error))
        yield 1


def _check_page(index: Index, row: int, seen: "_Seen") -> None:
    place, members = _sample(index, row)
    page = to_page(members, place)
    seen.read[row], seen.ids[row] = True, hash64(page.id)
    seen.tally.add(row, page, members)
    if page.image is not None:
        seen.pictured[row], seen.images[row] = True, hash64(page.image)
        try:
            decode(page)
        except DocexpError as error:
            raise DocexpError(f"{place}: {error}") from None
    entry = index.table[row]
    if tuple(int(entry[name]) for name in COUNTED) != page_counts(page) or entry["document"] != hash64(
        page.document_id
    ):
        raise DocexpError(f"{place}: row {row} of the index does not fit its page. {index.remedy}")


class _Seen:
    """Some 20 bytes a page of what can only be seen across all of them."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.tally = Tally()
        self.ids, self.images = (np.zeros(len(index), np.uint64) for _ in range(2))
        self.read, self.pictured = (np.zeros(len(index), bool) for _ in range(2))

    def faults(self) -> Iterator[str]:
        for group in _equal(self.ids, self.read):
            places = " and ".join(_place(self._index, row) for row in group[:2])
            yield f"one page id comes {len(group)} times: {places}"
        if self.read.all():
            yield from self._count_faults()

    def notes(self) -> Iterator[str]:
        for group in _equal(self.images, self.pictured):
            places = ", ".join(f"{_place(self._index, row)} ({self._split_of(row)})" for row in group[:SHOWN])
            yield f"one image comes {len(group)} times: {places}{', …' if len(group) > SHOWN else ''}"
        bare = int((self.read & ~self.pictured).sum())
        if bare:
            yield "1 page has no image" if bare == 1 else f"{bare:,} pages have no image"

    def _count_faults(self) -> Iterator[str]:
        for name, contents in self._index.splits.items():
            inside = np.zeros(len(self._index), bool)
            inside[_slice(contents.rows)] = True
            sums = self.tally.sums(inside)
            for kind in LABELLED:
                if sums[kind] != getattr(contents, kind):
                    yield f"{self._index.folder / INDEX}: {kind} of {name} do not fit the pages. {self._index.remedy}"

    def _split_of(self, row: int) -> str:
        return next(name for name, contents in self._index.splits.items() if row in contents.rows)


def _equal(hashes: NDArray[np.uint64], chosen: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Groups of at least two chosen rows with one hash, each ascending."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(hashes[rows], kind="stable")]
    cuts = np.flatnonzero(np.diff(hashes[rows])) + 1
    return (group.tolist() for group in np.split(rows, cuts) if len(group) > 1)


def _sample(index: Index, row: int) -> tuple[str, dict[str, bytes]]:
    """A sample's place in words (its tar and its key), and its members."""
    entry = index.table[row]
    path = index.path(int(entry["shard"]))
    try:
        with path.open("rb") as file:
            file.seek(int(entry["offset"]))
            key, members = parse_sample(file.read(int(entry["size"])))
    except (OSError, tarfile.TarError) as error:
        raise DocexpError(f"{path}: row {row} of the index is no sample of this tar ({error})") from None
    return f"{path}, sample {key}", members


def _place(index: Index, row: int) -> str:
    try:
        return _sample(index, row)[0]
    except DocexpError:
        return f"row {row} of the index"


def _slice(rows: range) -> slice:
    return slice(rows.start, rows.stop)
