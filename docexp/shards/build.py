"""Making an index: rows gathered while tars are written or scanned, then both files put in place at once."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docexp import __version__
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.runs.atomic import sync_folder
from docexp.shards.contents import Contents, Tally
from docexp.shards.entry import Entry
from docexp.shards.index import INDEX, PARTIAL, TABLE, SetFacts, Shard
from docexp.shards.table import FORMAT, ROW, hash64, pack_row, table_checksum, write_table

SPLIT_ORDER = ("train", "minival", "validation", "test")
"""These come first in the table, so that ``train+minival`` is one range; other splits follow by name."""

MINIVAL_SHARE = 0.1

_NUMBER_BITS = 48


class IndexBuilder:
    """Gathers pages in tar order and shards, per split, and stages the index of them all.

    Args:
        whole_documents: refuses a document with pages in two splits.
    """

    def __init__(self, *, whole_documents: bool = False) -> None:
        self._whole = whole_documents
        self._rows: dict[str, bytearray] = {}
        self._shards: dict[str, list[Shard]] = {}
        self._tallies: dict[str, Tally] = {}
        self._splits: list[str] = []
        # hash of an id → its first place, as one number: tens of millions of pages have to fit
        self._pages: dict[int, int] = {}
        self._documents: dict[int, int] = {}

    def add(self, entry: Entry, offset: int, size: int) -> None:
        """A page at this byte range of its split's current shard.

        Raises:
            DocexpError: its id came before, or its document in another split; both places are named.
        """
        split = entry.split
        rows = self._rows.get(split)
        if rows is None:
            rows = self._rows[split] = bytearray()
            self._splits.append(split)
            self._tallies[split] = Tally()
        number = len(rows) // ROW.itemsize
        self._check(entry, self._splits.index(split) << _NUMBER_BITS | number)
        shard = len(self._shards.setdefault(split, []))
        rows += pack_row(entry.document_id, entry.counts, shard, offset, size)
        self._tallies[split].add(number, entry.names)

    def _check(self, entry: Entry, place: int) -> None:
        before = self._pages.setdefault(hash64(entry.id), place)
        if before != place:
            raise DocexpError(
                f"page id {entry.id!r} comes twice: as {self._words(before)} and {self._words(place)}. "
                "Ids must be unique in a set."
            )
        if not self._whole:
            return
        first = self._documents.setdefault(hash64(entry.document_id), place)
        if first >> _NUMBER_BITS != place >> _NUMBER_BITS:
            raise DocexpError(
                f"document {entry.document_id!r} has pages in two splits: {self._words(first)} and "
                f"{self._words(place)}, {entry.id!r}. A document belongs to one split, or it is trained and tested on."
            )

    def _words(self, place: int) -> str:
        split, number = place >> _NUMBER_BITS, place & (1 << _NUMBER_BITS) - 1
        return f"page {number + 1} of {self._splits[split]}"

    def close_shard(self, split: str, name: str, size: int, sha256: str) -> None:
        """The split's current shard is complete; what follows belongs to its next."""
        self._shards.setdefault(split, []).append(Shard(name, split, size, sha256))

    def finish(self, report: Report) -> tuple[list[Shard], dict[str, Contents], NDArray[np.void]]:
        """All shards, the splits with ``minival`` taken out of ``train`` where no validation split exists, the table.

        Raises:
            DocexpError: there is no page at all; says what was met instead.
        """
        if not self._rows:
            met = f" ({'; '.join(report.lines())})" if report.lines() else ""
            raise DocexpError(f"no page came: there is nothing to write{met}")
        shards: list[Shard] = []
        tables: list[NDArray[np.void]] = []
        splits: dict[str, Contents] = {}
        for split in sorted(self._rows, key=_place):
            rows = np.frombuffer(self._rows[split], ROW).copy()
            rows["shard"] += len(shards)
            shards += self._shards[split]
            for name, chosen in self._parts(split, rows).items():
                first = sum(len(table) for table in tables)
                tables.append(rows[chosen])
                splits[name] = _contents(first, rows[chosen], self._tallies[split], chosen)
        return shards, splits, np.concatenate(tables)

    def _parts(self, split: str, rows: NDArray[np.void]) -> dict[str, NDArray[np.bool_]]:
        if split == "train" and not {"validation", "minival"} & set(self._rows):
            held = minival(rows["document"])
            if held.any():
                return {"train": ~held, "minival": held}
        return {split: np.ones(len(rows), bool)}


def minival(documents: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Marks the pages ``[N]`` of the tenth of the documents whose hashes are lowest; at least one of two or more.

    A document is never divided, and another document more or less moves no other but the one at the border.
    """
    names = np.unique(documents)
    if len(names) < 2:
        return np.zeros(len(documents), bool)
    held = max(1, round(MINIVAL_SHARE * len(names)))
    return documents <= names[held - 1]


def stage_index(
    folder: Path,
    facts: SetFacts,
    shards: list[Shard],
    splits: Mapping[str, Contents],
    table: NDArray[np.void],
    *,
    adopted: bool = False,
    report: Mapping[str, Mapping[str, int]] | None = None,
) -> None:
    """Writes both files of the index under temporary names; ``commit_index`` makes them count."""
    others = {
        "adopted": adopted,
        "report": report or {},
        "docexp": __version__,
        "table_sha256": table_checksum(table),
    }
    record = _record(facts, shards, splits, table, **others)
    write_table(folder / (TABLE + PARTIAL), table)
    with (folder / (INDEX + PARTIAL)).open("w", encoding="utf-8") as file:
        json.dump(record, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())


def commit_index(folder: Path) -> None:
    """Puts the staged index in place. ``index.json`` goes first and comes last: without it nothing is trusted."""
    (folder / INDEX).unlink(missing_ok=True)
    (folder / (TABLE + PARTIAL)).replace(folder / TABLE)
    (folder / (INDEX + PARTIAL)).replace(folder / INDEX)
    sync_folder(folder)


def _record(
    facts: SetFacts,
    shards: Sequence[Shard],
    splits: Mapping[str, Contents],
    table: NDArray[np.void],
    **others: Any,
) -> dict[str, Any]:
    """What ``index.json`` holds, with the shards' row ranges read off the table; ``others`` are further keys."""
    ranges: list[list[tuple[int, int]]] = [[] for _ in shards]
    for contents in splits.values():
        owners = table["shard"][contents.rows.start : contents.rows.stop]
        cuts = contents.rows.start + np.concatenate([[0], np.flatnonzero(np.diff(owners)) + 1, [len(owners)]])
        for first, stop in pairwise(cuts.tolist()):
            ranges[int(table["shard"][first])].append((first, stop))
    return {
        "format": FORMAT,
        **asdict(facts),
        **others,
        "checksum": content_checksum(shards, splits, table),
        "splits": {name: contents.to_json() for name, contents in splits.items()},
        "shards": [asdict(shard) | {"rows": rows} for shard, rows in zip(shards, ranges, strict=True)],
    }


def content_checksum(shards: Sequence[Shard], splits: Mapping[str, Contents], table: NDArray[np.void]) -> str:
    """sha256 over the tars' checksums, the splits' ranges and the rows' places in the tars.

    The other columns follow from the tars' contents: leaving them out lets a later column orphan no run.
    """
    ranges = {name: [contents.rows.start, contents.rows.stop] for name, contents in splits.items()}
    digest = hashlib.sha256(json.dumps([[shard.sha256 for shard in shards], ranges], sort_keys=True).encode())
    for column in ("shard", "offset", "size"):
        digest.update(np.ascontiguousarray(table[column]).view(np.uint8).data)
    return digest.hexdigest()


def _place(split: str) -> tuple[int, str]:
    return (SPLIT_ORDER.index(split), "") if split in SPLIT_ORDER else (len(SPLIT_ORDER), split)


def _contents(first: int, rows: NDArray[np.void], tally: Tally, chosen: NDArray[np.bool_]) -> Contents:
    return Contents(
        rows=range(first, first + len(rows)),
        documents=len(np.unique(rows["document"])),
        words=int(rows["words"].sum(dtype=np.int64)),
        questions=int(rows["questions"].sum(dtype=np.int64)),
        **tally.sums(chosen),
    )
