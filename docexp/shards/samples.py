"""The samples of a WebDataset tar, one after the other."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.members import split_member


@dataclass
class Sample:
    """A sample: its key, the bytes of the tar from ``first`` to ``stop`` that hold it, and its members by suffix."""

    key: str
    first: int
    stop: int
    members: dict[str, bytes] = field(default_factory=dict)


def samples(path: Path, report: Report) -> Iterator[Sample]:
    """The tar's samples: neighbours with one key, in any order inside.

    Raises:
        DocexpError: the tar is compressed, damaged or cut off, or a sample has two members of one suffix.
    """
    sample: Sample | None = None
    for key, suffix, first, stop, data in _members(path, report):
        if sample is None or key != sample.key:
            if sample:
                yield sample
            sample = Sample(key, first, stop)
        if suffix in sample.members:
            raise DocexpError(f"{path}, sample {key} has two members .{suffix}")
        sample.members[suffix], sample.stop = data, stop
    if sample:
        yield sample


def _members(path: Path, report: Report) -> Iterator[tuple[str, str, int, int, bytes]]:
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                parts = split_member(info.name)
                stream = tar.extractfile(info) if parts and info.isreg() and not info.issparse() else None
                if parts and stream:
                    yield *parts, info.offset, tar.offset, stream.read()
                elif not info.isdir():
                    report.refuse("tar members that belong to no sample")
                tar.members = []  # type: ignore[attr-defined]  # the library keeps every header it has read
            _check_end(path, tar.offset)
    except (OSError, tarfile.TarError) as error:
        raise DocexpError(f"{path} cannot be indexed: {_why(path, error)}") from None


def _check_end(path: Path, end: int) -> None:
    """A tar ends in blocks of zeros: without them it was cut off, with more behind them tarfile passes it over."""
    with path.open("rb") as file:
        file.seek(end)
        rest = file.read(2 * tarfile.BLOCKSIZE)
        if len(rest) < tarfile.BLOCKSIZE:
            raise DocexpError(f"{path} lacks its end marker: it was cut off after a whole sample. Fetch it again.")
        while rest:
            if rest.strip(b"\0"):
                raise DocexpError(f"{path} is damaged at byte {end:,}, or holds another tar behind its end marker.")
            rest = file.read(2**20)


def _why(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "it is compressed, so that pages in it cannot be read by offset. Unpack it to a plain .tar."
    return f"it is damaged or no tar ({error}). Fetch it again."
