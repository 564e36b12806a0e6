"""Pages to shards: WebDataset tars with their index."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.build import IndexBuilder, commit_index, stage_index
from docexp.shards.index import INDEX, PARTIAL, TABLE, Index, SetFacts
from docexp.shards.members import sample_key

REPLACED = "index.json.replaced" + PARTIAL
"""The index of the set that is just being replaced."""

SHARD_BYTES = 256 * 2**20
"""A shard is closed once it has grown to this; some 4,000 pages of 60 KB."""


def write_shards(
    pages: Iterable[tuple[str, Page]],
    out: Path,
    facts: SetFacts,
    *,
    shard_bytes: int = SHARD_BYTES,
    again: bool = False,
    report: Report | None = None,
    progress: Callable[[int], None] | None = None,
) -> Index:
    """Writes pages, each with its split, as ``<split>-00000.tar`` … and an index, and opens that.

    The same pages give the same bytes. Everything has a temporary name until the last page is written: a failure
    leaves ``out`` as it was, a killed process leaves nothing that is taken for shards.

    Args:
        pages: split and page; splits may come in turns.
        out: the folder, made if need be.
        facts: what the index says about the set.
        shard_bytes: a tar is closed once it has this many bytes.
        again: replaces the shards that ``out`` holds; they need disk space until the new ones are complete.
        report: what the reader met; read after the last page.
        progress: called with the number of pages written since its last call.

    Raises:
        DocexpError: ``out`` holds an index (without ``again``) or tars of others, cannot be written; two pages
            have one id; there is no page; or what ``pages`` raises.
    """
    old = _prepare(out, again)
    writer = _Writer(out, shard_bytes)
    try:
        for split, page in pages:
            writer.add(split, page)
            if progress:
                progress(1)
        new = writer.finish(facts, report)
    except BaseException:
        writer.discard()
        raise
    _commit(out, old, new)
    return Index.open(out)


class _Writer:
    """One open tar for each split, all under temporary names."""

    def __init__(self, out: Path, shard_bytes: int) -> None:
        self._out, self._shard_bytes = out, shard_bytes
        self._builder = IndexBuilder()
        self._open: dict[str, _Tar] = {}
        self._names: dict[str, list[str]] = {}

    def add(self, split: str, page: Page) -> None:
        tar = self._open.get(split) or self._next(split)
        offset, size = tar.add(page)
        self._builder.add(split, offset, size, page, tar.suffixes(page))
        if offset + size >= self._shard_bytes:
            self._close(split)

    def finish(self, facts: SetFacts, report: Report | None) -> list[str]:
        """Closes every tar, stages the index, and names the tars."""
        for split in list(self._open):
            self._close(split)
        shards, splits, table = self._builder.finish()
        with _disk(self._out):
            stage_index(self._out, facts, shards, splits, table, report=report.to_json() if report else None)
        return [shard.name for shard in shards]

    def discard(self) -> None:
        for tar in self._open.values():
            tar.abandon()
        for name in [*(name for names in self._names.values() for name in names), TABLE, INDEX]:
            (self._out / (name + PARTIAL)).unlink(missing_ok=True)

    def _next(self, split: str) -> "_Tar":
        if not re.fullmatch(r"[A-Za-z0-9_]+", split):
            raise DocexpError(f"split {split!r}: a split's name is made of letters, digits and _")
        names = self._names.setdefault(split, [])
        names.append(f"{split}-{len(names):05d}.tar")
        self._open[split] = _Tar(self._out / (names[-1] + PARTIAL))
        return self._open[split]

    def _close(self, split: str) -> None:
        size, sha256 = self._open.pop(split).close()
        self._builder.close_shard(split, self._names[split][-1], size, sha256)


class _Tar:
    """A tar whose size and checksum are known when it is closed. webdataset's ``TarWriter`` writes into it."""

    def __init__(self, path: Path) -> None:
        from webdataset.writer import TarWriter  # imports torch

        self._path, self._size, self._sha256 = path, 0, hashlib.sha256()
        with _disk(path):
            self._file = path.open("wb")
        sink: Any = self  # the library asks for no more than write()
        self._tar: Any = TarWriter(sink, user="docexp", group="docexp", mtime=0, encoder=False)

    def write(self, data: bytes) -> None:
        """Called by the tar library with every block."""
        with _disk(self._path):
            self._file.write(data)
        self._sha256.update(data)
        self._size += len(data)

    def add(self, page: Page) -> tuple[int, int]:
        """Writes a page's members; the byte range that covers them."""
        first = self._tar.tarstream.offset
        members: dict[str, Any] = {"__key__": sample_key(page.id), "json": _record(page)}
        if page.image is not None:
            members[page.image_format] = page.image
        self._tar.write(members)
        self._tar.tarstream.members = []  # the library keeps every header it wrote
        return first, self._tar.tarstream.offset - first

    def suffixes(self, page: Page) -> list[str]:
        return ["json"] if page.image is None else ["json", page.image_format]

    def close(self) -> tuple[int, str]:
        self._tar.close()
        with _disk(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self._size, self._sha256.hexdigest()

    def abandon(self) -> None:
        """Lets go of the file; the library still wants to write its last block."""
        with suppress(DocexpError):
            self._tar.close()
        with suppress(OSError):
            self._file.close()


def _record(page: Page) -> bytes:
    try:
        return json.dumps(page.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise DocexpError(f"page {page.id!a}: a text holds half a surrogate pair, which is no Unicode") from error


def _prepare(out: Path, again: bool) -> list[str]:
    """Makes the folder, sweeps away what a killed writer left, and names the shards that are to be replaced."""
    with _disk(out):
        out.mkdir(parents=True, exist_ok=True)
    if (out / INDEX).exists() and not again:
        raise DocexpError(f"{out} holds an index already. --again writes it anew; or choose another out=DIR.")
    with _disk(out):
        _sweep(out)
    ours = _shards_of(out / INDEX)
    foreign = sorted(tar.name for tar in out.glob("*.tar") if tar.name not in ours)
    if foreign:
        raise DocexpError(
            f"{out} holds tars that docexp did not write, such as {foreign[0]}. Choose another out=DIR; "
            f"to use those: docexp data index tars={out}"
        )
    with _disk(out):
        (out / (TABLE + PARTIAL)).touch()  # a read-only folder is found before the first page is read
    return ours


def _sweep(out: Path) -> None:
    """Removes what a killed writer left: unfinished tars, and those that it had put in place without their index."""
    for record in (out / (INDEX + PARTIAL), out / REPLACED):
        if not (out / INDEX).exists():
            for name in _shards_of(record):
                (out / name).unlink(missing_ok=True)
        record.unlink(missing_ok=True)
    for leftover in out.glob(f"*{PARTIAL}"):
        leftover.unlink()


def _shards_of(record: Path) -> list[str]:
    """The tars that an index, or one that was being put in place, says docexp wrote."""
    try:
        values = json.loads(record.read_bytes())
        return [] if values["adopted"] else [shard["name"] for shard in values["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _commit(out: Path, old: list[str], new: list[str]) -> None:
    """Puts the new set in place. Until it is done two records with temporary names say which tars are ours."""
    with _disk(out):
        if (out / INDEX).exists():
            (out / INDEX).replace(out / REPLACED)
        for name in set(old) - set(new):
            (out / name).unlink(missing_ok=True)
        for name in new:
            (out / (name + PARTIAL)).replace(out / name)
        commit_index(out)
        (out / REPLACED).unlink(missing_ok=True)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DocexpError(f"{path} cannot be written ({error.strerror}). Choose another out=DIR.") from None
