"""The binary table of an index: one fixed-size row for each page, memory-mapped."""

import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docexp.documents.page import Page
from docexp.errors import DocexpError

FORMAT = 1
"""Version of the index's two files; raised when an older docexp could not read them."""

ROW = np.dtype(
    [
        ("offset", "<u8"),  # the byte range in the tar that covers all members of the sample
        ("document", "<u8"),  # document_hash
        ("shard", "<u4"),  # number in the index's list of shards
        ("size", "<u4"),
        ("words", "<u4"),
        ("entities", "<u4"),
        ("questions", "<u4"),
        ("regions", "<u4"),
    ]
)
COUNTED = ("words", "entities", "questions", "regions")
"""The columns that count something on the page."""

_PACK = struct.Struct("<QQ6I")
_PLACE = struct.Struct("<QQII")  # the head of a row
_HEADER = struct.Struct("<8sII")
_MAGIC = b"DOCEXPIX"


def hash64(text: str | bytes) -> int:
    """64 bits of blake2b; different texts share them with a chance of 1 in 300,000 among 11 million."""
    data = text.encode() if isinstance(text, str) else text
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def page_counts(page: Page) -> tuple[int, ...]:
    """The page's values of the columns ``COUNTED``."""
    return tuple(len(getattr(page, name) or ()) for name in COUNTED)


def pack_row(document_id: str, counts: Sequence[int], shard: int, offset: int, size: int) -> bytes:
    """One row, as ``ROW`` lays it out; ``counts`` are those of ``page_counts``."""
    return _PACK.pack(offset, hash64(document_id), shard, size, *counts)


def write_table(path: Path, table: NDArray[np.void]) -> None:
    """Writes header and rows, and waits until the disk has them."""
    with path.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, FORMAT, ROW.itemsize))
        file.flush()
        table.tofile(file)
        file.flush()
        os.fsync(file.fileno())


def open_table(path: Path, rows: int) -> NDArray[np.void]:
    """The table of ``rows`` rows, mapped into memory: pages of the file are read when they are touched.

    Raises:
        DocexpError: as ``check_table``.
    """
    check_table(path, rows)
    return np.memmap(path, ROW, mode="r", offset=_HEADER.size, shape=(rows,)).view(np.ndarray)


def read_row(descriptor: int, row: int) -> np.void:
    """One row of an open table file.

    What a mapping has touched counts as the process's memory, in the end the whole table in every worker; this not.
    """
    return np.frombuffer(os.pread(descriptor, ROW.itemsize, _HEADER.size + row * ROW.itemsize), ROW)[0]


def read_place(descriptor: int, row: int) -> tuple[int, int, int]:
    """Shard, offset and size of one row of an open table file; at a third of ``read_row``'s cost."""
    offset, _, shard, size = _PLACE.unpack(os.pread(descriptor, _PLACE.size, _HEADER.size + row * ROW.itemsize))
    return shard, offset, size


def check_table(path: Path, rows: int) -> None:
    """Looks at the head and the size of a table file.

    Raises:
        DocexpError: no such file, of another kind or version, or of another length.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
    except OSError as error:
        raise DocexpError(f"{path} cannot be read ({error.strerror}). Make the index again.") from None
    if head != _HEADER.pack(_MAGIC, FORMAT, ROW.itemsize):
        raise DocexpError(f"{path} is no index table of format {FORMAT}. Make the index again.")
    if size != _HEADER.size + rows * ROW.itemsize:
        raise DocexpError(f"{path} has {size:,} bytes, not those of {rows:,} rows. Make the index again.")


def table_checksum(table: NDArray[np.void]) -> str:
    """sha256 of all rows."""
    return hashlib.sha256(np.ascontiguousarray(table).view(np.uint8).data).hexdigest()
