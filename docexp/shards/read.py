"""Pages from shards, by row: one read of a byte range each."""

import hashlib
import os
import tarfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.shards.index import TABLE, Index
from docexp.shards.members import parse_sample, scan_members, to_page
from docexp.shards.table import check_table, read_place, read_row

OPEN_FILES = 64
"""A block of the order is a few shards; a process may hold about a thousand files."""


class ShardReader:
    """Reads samples of an index in any order. It can be forked and pickled; each process opens the files it needs.

    Raises:
        DocexpError: a tar or the table is missing, or its size is not the index's.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self._files: OrderedDict[Path, int] = OrderedDict()
        self._latest = -1, ""  # row and key: whoever reads a page wants its key as well
        self._table = index.folder / TABLE
        self._paths = [index.path(shard) for shard in range(len(index.shards))]  # joining paths costs 5 μs
        check_table(self._table, len(index))
        for shard in range(len(index.shards)):
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
            return to_page(members, f"{self._paths[shard]}, sample {key}")
        except DocexpError as error:
            raise DocexpError(damage(self.index, shard, deep=True) or str(error)) from None

    def members(self, row: int) -> Mapping[str, bytes]:
        """All members of a row's sample by suffix, as they lie in the tar."""
        return self._sample(row)[2]

    def key(self, row: int) -> str:
        """The sample's WebDataset key."""
        return self._latest[1] if self._latest[0] == row else self._sample(row)[1]

    def entry(self, row: int) -> np.void:
        """A row of the index's table (``table.ROW``)."""
        return read_row(self._file(self._table), row)

    def close(self) -> None:
        """Closes this process's files; reading opens them again."""
        while self._files:
            os.close(self._files.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_files": OrderedDict()}

    def _sample(self, row: int) -> tuple[int, str, dict[str, bytes]]:
        shard, offset, size = read_place(self._file(self._table), row)
        # pread has no file position to share, so files inherited over a fork serve both processes
        read = partial(os.pread, self._file(self._paths[shard]))
        sample = scan_members(read, offset, offset + size) or self._parsed(shard, read(size, offset), size, row)
        self._latest = row, sample[0]
        return shard, *sample

    def _parsed(self, shard: int, data: bytes, size: int, row: int) -> tuple[str, dict[str, bytes]]:
        """A sample whose tar is out of the ordinary."""
        with suppress(tarfile.TarError):
            if len(data) == size:
                return parse_sample(data)
        fault = damage(self.index, shard, deep=True)
        raise DocexpError(fault or f"{self._paths[shard]}: row {row} of the index is no sample of this tar")

    def _file(self, path: Path) -> int:
        if path not in self._files:
            if len(self._files) >= OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
            try:
                self._files[path] = os.open(path, os.O_RDONLY)
            except OSError as error:
                raise DocexpError(f"{path} cannot be read ({error.strerror})") from None
        self._files.move_to_end(path)
        return self._files[path]


def damage(index: Index, shard: int, *, deep: bool = False) -> str | None:
    """What is wrong with a tar as a whole, and what to do; ``None`` if nothing. ``deep`` reads it and its checksum."""
    path, expected = index.path(shard), index.shards[shard]
    try:
        size = path.stat().st_size
        if size == expected.size and not deep:
            return None
        if size == expected.size:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256:
                    return None
    except FileNotFoundError:
        return f"{path} is missing. {index.remedy}"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    return f"{path} does not match its checksum{_sizes(size, expected.size)}. {index.remedy}"


def _sizes(size: int, expected: int) -> str:
    if size == expected:
        return ""
    small = abs(size - expected) < 1_000_000
    found, wanted = (f"{n:,}" if small else f"{n / 1e6:,.0f}" for n in (size, expected))
    unit = "bytes" if small else "MB"
    return (
        f" (truncated at {found} of {wanted} {unit})" if size < expected else f" ({found} instead of {wanted} {unit})"
    )
