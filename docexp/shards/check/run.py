"""The whole check of a set, shard by shard, in one process or several."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import combinations

import numpy as np

from docexp.errors import DocexpError
from docexp.shards.build import content_checksum
from docexp.shards.check.finding import Finding, place
from docexp.shards.check.labels import Expected, label_notes
from docexp.shards.check.page import Checked, check_rows
from docexp.shards.check.seen import Seen
from docexp.shards.index import INDEX, TABLE, Index
from docexp.shards.read import damage
from docexp.shards.table import table_checksum

TOGETHER = 64
"""Pages that are given to a process at once."""

AHEAD = 8
"""For each process, so many such portions are given out before their results are taken in."""


def check(
    index: Index,
    progress: Callable[[int], None] | None = None,
    *,
    expected: Expected | None = None,
    jobs: int = 1,
) -> list[Finding]:
    """Reads every byte of a set, decodes every image, and says all that is wrong, faults first.

    Faults: checksums and sizes that differ, records that are no page with valid boxes, images that do not decode,
    ids that come twice, documents with pages in several splits, counts of the index that are not those of the pages.
    Notes: images that come twice, byte for byte or nearly, pages with the same words, within a split or across; pages
    without an image; what is odd about single pages (see ``oddities``); labels and annotation kinds that are not as
    ``expected``.

    Args:
        index: the set.
        progress: called with the number of pages looked at since its last call.
        expected: what the configuration says of the set.
        jobs: processes that read and decode; with 1 this one does.

    Raises:
        DocexpError: one of these processes died.
    """
    faults = list(_index_faults(index))
    whole = []
    for shard in range(len(index.shards)):
        fault = damage(index, shard, deep=True)
        if fault:
            faults.append(fault)
            if progress:
                progress(len(_rows(index, shard)))
        else:
            whole.append(shard)
    seen = Seen(index)
    for pages in _checked(index, whole, jobs):
        for page in pages:
            seen.add(page)
            faults += page.faults
        if progress:
            progress(len(pages))
    faults += seen.faults()
    notes = [*seen.notes(), *(label_notes(index, expected) if expected else ())]
    return [*map(Finding, faults), *(Finding(note, fault=False) for note in notes)]


def _index_faults(index: Index) -> Iterator[str]:
    if table_checksum(index.table) != index.table_sha256:
        yield f"{index.folder / TABLE} does not match its checksum. {index.remedy}"
    elif content_checksum(index.shards, index.splits, index.table) != index.checksum:
        yield f"{index.folder / INDEX} does not match its own checksum. {index.remedy}"
    for left, right in combinations(index.splits, 2):
        ours, others = (
            index.table["document"][rows.start : rows.stop]
            for rows in (index.splits[left].rows, index.splits[right].rows)
        )
        shared, first, second = np.intersect1d(ours, others, return_indices=True)
        if len(shared):
            rows = index.splits[left].rows[first[0]], index.splits[right].rows[second[0]]
            places = " and ".join(place(index, row) for row in rows)
            what = "1 document has" if len(shared) == 1 else f"{len(shared):,} documents have"
            yield f"{what} pages in {left} and in {right}: {places}" + (", …" if len(shared) > 1 else "")


def _checked(index: Index, shards: list[int], jobs: int) -> Iterator[list[Checked]]:
    """All pages of these shards, in the order in which they lie there."""
    portions = (portion for shard in shards for portion in _portions(_rows(index, shard)))
    if jobs == 1:
        yield from map(partial(check_rows, index), portions)
        return
    # forking would copy the locks of this process' other threads, such as those of the progress display
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running: deque[Future[list[Checked]]] = deque()
        try:
            for portion in portions:
                running.append(pool.submit(check_rows, index, portion))
                if len(running) >= jobs * AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool:
            raise DocexpError("a process that read pages died. If memory ran out, check with fewer: jobs=1") from None


def _rows(index: Index, shard: int) -> list[int]:
    rows = [row for first, stop in index.shards[shard].rows for row in range(first, stop)]
    return sorted(rows, key=lambda row: int(index.table["offset"][row]))


def _portions(rows: list[int]) -> Iterator[list[int]]:
    return (rows[first : first + TOGETHER] for first in range(0, len(rows), TOGETHER))
