"""Pages to shards: WebDataset tars with their index."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.build import IndexBuilder, stage_index
from docexp.shards.entry import Entry, Packed, pack
from docexp.shards.index import INDEX, PARTIAL, TABLE, Index, SetFacts
from docexp.shards.staging import enter, put_in_place, sweep
from docexp.shards.tars import GrowingTar, disk

SHARD_BYTES = 256 * 2**20
"""A shard is closed once it has grown to this; some 4,000 pages of 60 KB."""

Full = Callable[[str, int, int], bool]
"""Whether a tar is to be closed: asked after each page with its name, its bytes and its pages."""


def grown_to(size: int) -> Full:
    """Full is a tar that has so many bytes."""
    return lambda name, grown, pages: grown >= size


def shard_name(split: str, number: int) -> str:
    """The name of a split's tar, counted from 0."""
    return f"{split}-{number:05d}.tar"


def write_shards(
    pages: Iterable[tuple[str, Page]],
    out: Path,
    facts: SetFacts,
    *,
    shard_bytes: int = SHARD_BYTES,
    again: bool = False,
) -> Index:
    """Writes pages that are at hand, each with its split, as ``<split>-00000.tar`` … and an index, and opens that.

    The same pages give the same bytes. Everything has a temporary name until the last page is written: a failure
    leaves ``out`` as it was, a killed process leaves nothing that is taken for shards. What a reader has to read is
    written by ``prepare.Preparation``, which reports and can be gone on from.

    Args:
        pages: split and page; splits may come in turns.
        out: the folder, made if need be.
        facts: what the index says about the set.
        shard_bytes: a tar is closed once it has this many bytes.
        again: replaces the shards that ``out`` holds; they need disk space until the new ones are complete.

    Raises:
        DocexpError: ``out`` holds an index (without ``again``) or tars of others, cannot be written; two pages
            have one id; a document has pages in two splits; there is no page; or what ``pages`` raises.
    """
    old = enter(out, again)
    sweep(out, keep=TABLE + PARTIAL)
    writer = Writer(out, grown_to(shard_bytes))
    try:
        for split, page in pages:
            writer.add(pack(split, page))
        new = writer.finish(facts, Report())
    except BaseException:
        writer.discard()
        raise
    put_in_place(out, old, new)
    return Index.open(out)


class Writer:
    """One growing tar for each split, all under temporary names.

    Args:
        out: the folder.
        full: says when a tar is closed.
        whole_documents: refuses a document with pages in two splits.
    """

    def __init__(self, out: Path, full: Full, *, whole_documents: bool = True) -> None:
        self._out, self._full = out, full
        self._builder = IndexBuilder(whole_documents=whole_documents)
        self._pages: dict[str, int] = {}
        self._open: dict[str, GrowingTar] = {}
        self._names: dict[str, list[str]] = {}

    def add(self, page: Packed) -> None:
        """Writes a page."""
        tar = self._open.get(page.entry.split) or self._next(page.entry.split, GrowingTar)
        self._builder.add(page.entry, tar.size, len(page.data))
        tar.append(page.data)
        self._count(page.entry.split)

    def take_over(self, entry: Entry, size: int, checksum: int) -> bool:
        """Takes a page as written that another process wrote in its time; False if it is not there, whole."""
        tar = self._open.get(entry.split)
        if tar is None:
            if not (self._out / (self._name(entry.split) + PARTIAL)).is_file():
                return False
            tar = self._next(entry.split, GrowingTar.left)
        offset = tar.size
        if not tar.take_over(size, checksum):
            return False
        self._builder.add(entry, offset, size)
        self._count(entry.split)
        return True

    @property
    def closed(self) -> bool:
        """Whether a tar is finished."""
        return sum(map(len, self._names.values())) > len(self._open)

    def cut(self) -> None:
        """Ends taking over: whatever lies behind in the open tars is cut off."""
        for tar in self._open.values():
            tar.cut()

    def flush(self) -> None:
        """Hands everything to the operating system."""
        for tar in self._open.values():
            tar.flush()

    def finish(self, facts: SetFacts, report: Report) -> list[str]:
        """Closes every tar, stages the index, and names the tars.

        Raises:
            DocexpError: no page was written; says what the reader met.
        """
        for split in list(self._open):
            self._close(split)
        shards, splits, table = self._builder.finish(report)
        with disk(self._out):
            stage_index(self._out, facts, shards, splits, table, report=report.to_json())
        return [shard.name for shard in shards]

    def abandon(self) -> None:
        """Lets go of the files; what is in them stays."""
        for tar in self._open.values():
            tar.abandon()

    def discard(self) -> None:
        """Lets go of the files and removes them."""
        self.abandon()
        for name in [*(name for names in self._names.values() for name in names), TABLE, INDEX]:
            (self._out / (name + PARTIAL)).unlink(missing_ok=True)

    def _name(self, split: str) -> str:
        return shard_name(split, len(self._names.get(split, ())))

    def _next(self, split: str, opened: Callable[[Path], GrowingTar]) -> GrowingTar:
        if not re.fullmatch(r"[A-Za-z0-9_]+", split):
            raise DocexpError(f"split {split!r}: a split's name is made of letters, digits and _")
        name = self._name(split)
        self._names.setdefault(split, []).append(name)
        self._open[split] = opened(self._out / (name + PARTIAL))
        self._pages[split] = 0
        return self._open[split]

    def _count(self, split: str) -> None:
        self._pages[split] += 1
        if self._full(self._names[split][-1], self._open[split].size, self._pages[split]):
            self._close(split)

    def _close(self, split: str) -> None:
        size, sha256 = self._open.pop(split).close()
        self._builder.close_shard(split, self._names[split][-1], size, sha256)
