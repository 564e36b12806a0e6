"""Tars fetched from afar, kept on the local disk up to a bound and shared by all processes of this machine.

A tar lies under its sha256, so that sets and URLs share it. It gets that name only when it is complete and its checksum
right. One process fetches a tar, under a lock of the operating system, which a killed process gives back; others wait.
Before a tar is fetched its size is reserved; the tars unused for longest make room. One that a reader has open is
readable to the end, though its name is gone.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docexp.errors import DocexpError
from docexp.shards.index import Shard
from docexp.shards.remote import RemoteFolder
from docexp.shards.tars import file_sha256

WAIT = 0.05
"""Seconds between two looks for room that others have reserved."""


@dataclass(frozen=True)
class ShardCache:
    """The tars of ``folder``, together at most ``most`` bytes."""

    folder: Path
    most: int

    def tar(self, remote: RemoteFolder, shard: Shard) -> Path:
        """Where a tar lies here; fetched if it does not, after others that fetch it now.

        Raises:
            DocexpError: it cannot be fetched, its checksum is wrong twice, the bound has no room for it, or the disk
                refuses.
        """
        path = self._path(shard)
        if not self._there(shard):
            with self._disk(), self._lock(shard.sha256):
                if not self._there(shard):
                    self._fetch(remote, shard)
        with suppress(OSError):
            os.utime(path)  # used just now
        return path

    def ahead(self, remote: RemoteFolder, shard: Shard) -> None:
        """Fetches a tar unless it is here, or another process fetches it now."""
        if not self._there(shard):
            with self._disk(), self._lock(shard.sha256, wait=False) as ours:
                if ours and not self._there(shard):
                    self._fetch(remote, shard)

    def renew(self, remote: RemoteFolder, shard: Shard) -> bool:
        """Looks at every byte of a tar that did not read, and fetches it again if it is not what it was; whether so."""
        path = self._path(shard)
        with self._disk(), self._lock(shard.sha256):
            if path.is_file() and file_sha256(path) == shard.sha256:
                return False
            path.unlink(missing_ok=True)
            self._fetch(remote, shard)
        return True

    def _path(self, shard: Shard) -> Path:
        return self.folder / "tars" / f"{shard.sha256}.tar"

    def _there(self, shard: Shard) -> bool:
        try:
            return self._path(shard).stat().st_size == shard.size
        except OSError:
            return False

    def _fetch(self, remote: RemoteFolder, shard: Shard) -> None:
        """With the tar's lock held."""
        partial = self.folder / "partial"
        for left in partial.glob(f"{shard.sha256}.*"):
            left.unlink()  # of a process that was killed: the lock is ours
        target = partial / f"{shard.sha256}.{secrets.token_hex(4)}"
        reserved = self._reserve(shard)
        try:
            for last in (False, True):
                remote.fetch(shard.name, target)
                fault = _fault(target, shard)
                if not fault:
                    break
                if last:
                    raise DocexpError(
                        f"{remote.url.rstrip('/')}/{shard.name}: {fault}, fetched twice. Ask who made it."
                    )
            target.replace(self._path(shard))
        finally:
            target.unlink(missing_ok=True)
            reserved.unlink(missing_ok=True)

    def _reserve(self, shard: Shard) -> Path:
        """Makes room for a tar and marks it as taken, by a file of its size without content."""
        if shard.size > self.most:
            raise DocexpError(
                f"data.cache_gb={self.most / 1e9:g} has no room for {shard.name} ({shard.size / 1e9:.3g} GB)."
            )
        mark = self.folder / "partial" / f"{shard.sha256}.reserved"
        while True:
            with self._lock("room"):
                if self._make_room(shard.size):
                    with mark.open("wb") as file:
                        file.truncate(shard.size)
                    return mark
            time.sleep(WAIT)

    def _make_room(self, size: int) -> bool:
        """Removes the tars unused for longest until ``size`` more bytes fit; whether they do beside the reserved.

        With the lock on room held.
        """
        for mark in (self.folder / "partial").glob("*.reserved"):
            with self._lock(mark.name.partition(".")[0], wait=False) as dead:
                if dead:
                    for left in mark.parent.glob(f"{mark.name.partition('.')[0]}.*"):
                        left.unlink(missing_ok=True)
        reserved = sum(_size(mark) for mark in (self.folder / "partial").glob("*.reserved"))
        tars = sorted((_used(tar), tar) for tar in (self.folder / "tars").glob("*.tar"))
        total = reserved + sum(_size(tar) for _, tar in tars)
        for _, tar in tars:
            if total + size <= self.most:
                break
            total -= _size(tar)
            tar.unlink(missing_ok=True)
        return total + size <= self.most

    @contextmanager
    def _lock(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Holds a lock among all processes; without ``wait``, gives whether it was free."""
        with (self.folder / "locks" / name).open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            for name in ("tars", "partial", "locks"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise DocexpError(
                f"the cache {self.folder} cannot be written ({error.strerror or error}). Set data.cache=DIR."
            ) from None


def _fault(path: Path, shard: Shard) -> str:
    size = _size(path)
    if size != shard.size:
        return f"{size:,} bytes came instead of {shard.size:,}"
    return "" if file_sha256(path) == shard.sha256 else "its checksum is not the index's"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process removed it
        return 0


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
