"""Pages from shards, by row: one read of a byte range each."""

import os
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.shards.index import TABLE, Index
from docexp.shards.members import parse_sample, scan_members, to_page
from docexp.shards.table import check_table, read_place, read_row
from docexp.shards.tars import file_sha256

OPEN_FILES = 64
"""A block of the order is a few shards; a process may hold about a thousand files."""


class ShardReader:
    """Reads samples of an index in any order. It can be forked and pickled; each process opens the files it needs.

    Args:
        index: the set.
        complete: whether all tars must be there; else only one that is read must be.

    Raises:
        DocexpError: the table, or under ``complete`` a tar, is missing or its size is not the index's.
    """

    def __init__(self, index: Index, *, complete: bool = True) -> None:
        self.index = index
        self._files: OrderedDict[int | None, int] = OrderedDict()  # by shard; the table has no number
        self._latest = -1, ""  # row and key: whoever reads a page wants its key as well
        self._names = [index.shown(shard) for shard in range(len(index.shards))]  # making one costs 5 μs
        self._sizes = [shard.size for shard in index.shards]
        self._damage: dict[int, str | None] = {}
        self._renewals: set[int] = set()
        check_table(index.folder / TABLE, len(index))
        for shard in range(len(index.shards) if complete and index.remote is None else 0):
            fault = damage(index, shard)
            if fault:
                raise DocexpError(fault)

    def read(self, row: int) -> Page:
        """The page of a row.

        Raises:
            DocexpError: the tar was damaged since it was indexed, or the sample holds no page.
        """
        shard, key, members = self._sample(row)
        try:
            return to_page(members, f"{self._names[shard]}, sample {key}")
        except DocexpError as error:
            if self._renewed(shard):
                return self.read(row)
            raise DocexpError(self._fault(shard) or str(error)) from None

    def members(self, row: int) -> Mapping[str, bytes]:
        """All members of a row's sample by suffix, as they lie in the tar."""
        return self._sample(row)[2]

    def key(self, row: int) -> str:
        """The sample's WebDataset key."""
        return self._latest[1] if self._latest[0] == row else self._sample(row)[1]

    def shard_name(self, row: int) -> str:
        """The name of the tar that a row lies in; the table's where that is damaged and names none."""
        shard = int(self.entry(row)["shard"])
        return self.index.shards[shard].name if shard < len(self.index.shards) else TABLE

    def entry(self, row: int) -> np.void:
        """A row of the index's table (``table.ROW``)."""
        return read_row(self._file(None), row)

    def close(self) -> None:
        """Closes this process's files; reading opens them again."""
        while self._files:
            os.close(self._files.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_files": OrderedDict(), "_damage": {}, "_renewals": set()}

    def _sample(self, row: int) -> tuple[int, str, dict[str, bytes]]:
        shard, offset, size = read_place(self._file(None), row)
        if shard >= len(self._sizes) or offset + size > self._sizes[shard]:
            raise damaged_row(self.index, row)
        # pread has no file position to share, so files inherited over a fork serve both processes
        read = partial(os.pread, self._file(shard))
        try:
            sample = scan_members(read, offset, offset + size) or _parsed(read(size, offset), size)
        except OSError as error:  # the disk itself
            raise DocexpError(f"{self._names[shard]} cannot be read ({error.strerror})") from None
        if sample is not None:
            self._latest = row, sample[0]
            return shard, *sample
        if self._renewed(shard):
            return self._sample(row)
        raise DocexpError(
            self._fault(shard) or f"{self._names[shard]}: row {row} of the index is no sample of this tar"
        )

    def _renewed(self, shard: int) -> bool:
        """Whether a remote tar was damaged in the cache and has been fetched again; at most once each."""
        remote = self.index.remote
        if remote is None or shard in self._renewals:
            return False
        self._renewals.add(shard)
        if not remote.renew(self.index.shards[shard]):
            return False
        os.close(self._files.pop(shard))
        return True

    def _fault(self, shard: int) -> str | None:
        """What is wrong with a tar as a whole; looked for once, since all of it has to be read."""
        if shard not in self._damage:
            self._damage[shard] = damage(self.index, shard, deep=True)
        return self._damage[shard]

    def _file(self, shard: int | None) -> int:
        if shard not in self._files:
            if len(self._files) >= OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
            if self.index.remote is not None:
                self._let_go_of_evicted()
            self._files[shard] = self._open(shard)
        self._files.move_to_end(shard)
        return self._files[shard]

    def _open(self, shard: int | None) -> int:
        for last in (False, True):
            path = self.index.folder / TABLE if shard is None else self.index.path(shard)
            try:
                return os.open(path, os.O_RDONLY)
            except FileNotFoundError as error:
                if last or self.index.remote is None:  # else another process made room in the cache just now
                    raise DocexpError(f"{path} cannot be read ({error.strerror})") from None
            except OSError as error:
                raise DocexpError(f"{path} cannot be read ({error.strerror})") from None
        raise AssertionError

    def _let_go_of_evicted(self) -> None:
        """Closes tars that the cache has removed: as long as they are open they take room on the disk."""
        for shard, file in list(self._files.items()):
            if os.fstat(file).st_nlink == 0:
                os.close(self._files.pop(shard))


def _parsed(data: bytes, size: int) -> tuple[str, dict[str, bytes]] | None:
    """A sample whose tar is out of the ordinary; ``None`` where it is damaged."""
    with suppress(tarfile.TarError):
        if len(data) == size:
            return parse_sample(data)
    return None


def damaged_row(index: Index, row: int) -> DocexpError:
    """What to raise where a row of the table names no place in any tar."""
    return DocexpError(f"{index.folder / TABLE} is damaged at row {row}. {index.remedy}")


def damage(index: Index, shard: int, *, deep: bool = False) -> str | None:
    """What is wrong with a tar as a whole, and what to do; ``None`` if nothing. ``deep`` reads it and its checksum."""
    expected = index.shards[shard]
    try:
        path = index.path(shard)
        size = path.stat().st_size
        if size == expected.size and not deep:
            return None
        if size == expected.size and file_sha256(path) == expected.sha256:
            return None
    except FileNotFoundError:
        return f"{index.shown(shard)} is missing. {index.remedy}"
    except OSError as error:
        return f"{index.shown(shard)} cannot be read ({error.strerror})"
    return f"{index.shown(shard)} does not match its checksum{_sizes(size, expected.size)}. {index.remedy}"


def _sizes(size: int, expected: int) -> str:
    if size == expected:
        return ""
    small = abs(size - expected) < 1_000_000
    found, wanted = (f"{n:,}" if small else f"{n / 1e6:,.0f}" for n in (size, expected))
    unit = "bytes" if small else "MB"
    return (
        f" (truncated at {found} of {wanted} {unit})" if size < expected else f" ({found} instead of {wanted} {unit})"
    )
