"""One tar that grows: appended to, or taken over from a process that was killed while it grew."""

import hashlib
import os
import tarfile
import zlib
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

from docexp.runs import atomic


class GrowingTar:
    """A tar whose size and checksum are known when it is closed.

    Raises:
        DocexpError: from every method, when the disk refuses.
    """

    def __init__(self, path: Path, mode: str = "wb") -> None:
        self._path, self._sha256 = path, hashlib.sha256()
        self.size = 0
        """Bytes so far, without the end marker."""
        with disk(path):
            self._file = path.open(mode)

    @classmethod
    def left(cls, path: Path) -> Self:
        """A tar that another process left; nothing of it is taken over yet."""
        return cls(path, "r+b")

    def take_over(self, size: int, checksum: int) -> bool:
        """Takes the next ``size`` bytes that are there as written; False if they are not all there, or others."""
        with disk(self._path):
            data = self._file.read(size)
        if len(data) < size or zlib.crc32(data) != checksum:
            return False
        self._count(data)
        return True

    def cut(self) -> None:
        """Cuts off whatever lies behind the bytes taken over."""
        with disk(self._path):
            self._file.seek(self.size)
            self._file.truncate()

    def append(self, data: bytes) -> None:
        """Writes whole tar members."""
        with disk(self._path):
            self._file.write(data)
        self._count(data)

    def flush(self) -> None:
        """Hands everything to the operating system, so that it outlives this process."""
        with disk(self._path):
            self._file.flush()

    def close(self) -> tuple[int, str]:
        """Writes the end marker and waits for the disk; size and sha256 of the file."""
        self.cut()
        end = 2 * tarfile.BLOCKSIZE
        self.append(b"\0" * (end + -(self.size + end) % tarfile.RECORDSIZE))
        with disk(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self.size, self._sha256.hexdigest()

    def abandon(self) -> None:
        """Lets go of the file."""
        with suppress(OSError):  # what a full disk did not take
            self._file.close()

    def _count(self, data: bytes) -> None:
        self._sha256.update(data)
        self.size += len(data)


def disk(path: Path) -> AbstractContextManager[None]:
    """Words the operating system's refusal to write ``path``, in or below ``out``.

    Raises:
        DocexpError: instead of an OSError.
    """
    return atomic.mendable(path, "Choose another out=DIR.")


def file_sha256(path: Path) -> str:
    """sha256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
