"""A set of shards with image codes added: the same samples, splits, order and cut into tars, one more member each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.codes import LARGEST_GRID, SUFFIX, CodesFacts, encode_codes
from docexp.shards.entry import Packed, pack_members
from docexp.shards.index import INDEX, Index, SetFacts
from docexp.shards.making import Making, code_version
from docexp.shards.members import IMAGE_SUFFIXES, to_page
from docexp.shards.read import ShardReader
from docexp.shards.workers import Work
from docexp.shards.write import Writer, shard_name

TOGETHER = 16
"""Pages of one tar that are tokenized and handed on together."""


class PageTokenizer(Protocol):
    """Gives the codes of pages' images."""

    @property
    def checksum(self) -> str:
        """Stands for its weights."""
        ...

    @property
    def vocabulary(self) -> int:
        """Codes are below it."""
        ...

    def codes(self, pages: Sequence[Page], grid: int) -> NDArray[np.int64]:
        """Codes ``[pages, grid, grid]``; those of a page do not depend on the others."""
        ...


@dataclass(frozen=True)
class Rows:
    """A unit: rows of the index that follow each other in one tar."""

    shard: int
    rows: tuple[int, ...]


@dataclass
class TokenizeAndPack:
    """Adds the codes to the samples of a unit, in any process; other members stay as they are."""

    index: Index
    grid: int
    checksum: str
    open_tokenizer: Callable[[], PageTokenizer]

    def __call__(self, unit: Rows) -> Iterator[Packed | Report]:
        """The unit's pages, then an empty report."""
        split, samples, pages = self.index.shards[unit.shard].split, [], []
        for row in unit.rows:
            members = self._reader.members(row)
            samples.append(members)
            pages.append(to_page(members, f"{self.index.shown(unit.shard)}, sample {self._reader.key(row)}"))
        made = self._tokenizer.codes(pages, self.grid)
        for page, members, codes in zip(pages, samples, made, strict=True):
            yield pack_members(split, page, {**members, SUFFIX: encode_codes(codes)})
        yield Report()

    @cached_property
    def _reader(self) -> ShardReader:
        return ShardReader(self.index)

    @cached_property
    def _tokenizer(self) -> PageTokenizer:
        tokenizer = self.open_tokenizer()
        if tokenizer.checksum != self.checksum:
            raise DocexpError("the image tokenizer was changed while it was read. Run the command again.")
        return tokenizer

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_reader", "_tokenizer")}


@dataclass
class Tokenization:
    """The writing of a set with codes. Page ids give the keys; codes that the samples had are replaced.

    A start goes on from an earlier one if set, tokenizer, grid and the code that makes codes are the same. A set whose
    tars others made is written as docexp's own.

    Args:
        index: the set without codes.
        open_tokenizer: loads the tokenizer in any process; pickled for each.
        grid: codes on a side.
        out: the new folder.
        command: the one that makes it again.
        jobs: processes that tokenize.
        again: replaces the shards that ``out`` holds.
        progress: called with the number of pages written, or taken over, since its last call.
        say: told what becomes of an earlier start, or that nothing is left to do.
    """

    index: Index
    open_tokenizer: Callable[[], PageTokenizer]
    grid: int
    out: Path
    command: str
    jobs: int = 1
    again: bool = False
    progress: Callable[[int], None] = lambda pages: None
    say: Callable[[str], None] = print
    _codes: CodesFacts = field(init=False, repr=False)

    def run(self) -> Index:
        """Writes the set and opens it; does nothing but say so where ``out`` holds these codes of these pages.

        Raises:
            DocexpError: ``grid`` is too large; ``out`` is the set's folder or lies in it; a page has no image; as
                ``Making.run``; or what the tokenizer raises.
        """
        self._check_places()
        tokenizer = self.open_tokenizer()
        self._codes = CodesFacts(tokenizer.checksum, self.grid, tokenizer.vocabulary, self.index.checksum)
        if not self.again and (self.out / INDEX).exists():
            there = Index.open(self.out)
            if there.facts.codes == self._codes:
                ShardReader(there)  # all tars are there
                self.say(f"{self.out} holds these codes already; nothing was done")
                return there
        facts: SetFacts = replace(self.index.facts, command=self.command, codes=self._codes)
        made, _ = Making(self, self.out, facts, self.jobs, self.again, self.progress, self.say).run()
        return made

    @property
    def work(self) -> Work:
        """Tokenizes and packs a unit."""
        return TokenizeAndPack(self.index, self.grid, self._codes.tokenizer, self.open_tokenizer)

    def units(self, report: Report) -> Iterator[Rows]:
        """Every tar's rows as they lie there; what was met when the set was made goes on to ``report``.

        Raises:
            DocexpError: a page has no image; it is named before anything is written.
        """
        kept, repaired, refused = (dict(self.index.report.get(kind, {})) for kind in ("kept", "repaired", "refused"))
        report.add(Report(kept, repaired, refused))
        self._check_images()
        for shard in range(len(self.index.shards)):
            rows = self._rows(shard)
            for first in range(0, len(rows), TOGETHER):
                yield Rows(shard, tuple(rows[first : first + TOGETHER]))

    def conclude(self, report: Report) -> None:
        """Nothing is left to say."""

    def writer(self) -> Writer:
        """A writer that closes each tar with the page that the set's own ended with."""
        last = self._pages_of_tars()
        return Writer(self.out, lambda name, size, pages: pages == last[name], whole_documents=not self.index.adopted)

    def depends_on(self) -> dict[str, str]:
        """What the samples depend on besides the units, in words that say what differs."""
        return {
            "set": f"{self.index.checksum} {self.index.table_sha256}",
            "image tokenizer": self._codes.tokenizer,
            "grid": str(self.grid),
            "version of the code": code_version(
                "docexp/documents/", "docexp/shards/", "docexp/objectives/image_tokenizer/"
            ),
        }

    def _check_places(self) -> None:
        if self.grid > LARGEST_GRID:
            raise DocexpError(f"grid={self.grid} is beyond {LARGEST_GRID} codes on a side")
        if self.index.remote is not None:
            return
        ours, out = self.index.folder.resolve(), self.out.resolve()
        if out == ours:
            raise DocexpError(f"out={self.out} is the folder of the set itself. Choose another out=DIR.")
        if out.is_relative_to(ours):
            raise DocexpError(
                f"out={self.out} lies inside {self.index.folder}, the set's folder. Choose another out=DIR."
            )

    def _check_images(self) -> None:
        for name, contents in self.index.splits.items():
            images = sum(count for suffix, count in contents.members.items() if suffix in IMAGE_SUFFIXES)
            if images < contents.pages:
                self._refuse_bare(name, contents.pages - images, contents.rows)

    def _refuse_bare(self, split: str, bare: int, rows: range) -> None:
        reader = ShardReader(self.index)
        for row in rows:
            if not IMAGE_SUFFIXES.keys() & reader.members(row).keys():
                raise DocexpError(
                    f"{self.index.where}: {bare:,} of {len(rows):,} pages of {split} have no image to tokenize, "
                    f"the first is {reader.read(row).id!r} in {reader.shard_name(row)}. Give data with images."
                )

    def _rows(self, shard: int) -> list[int]:
        rows = np.concatenate([np.arange(*part) for part in self.index.shards[shard].rows or [(0, 0)]])
        return rows[np.argsort(self.index.table["offset"][rows], kind="stable")].tolist()

    def _pages_of_tars(self) -> Mapping[str, int]:
        """Pages of each new tar by its name; a tar of the set without pages has none."""
        counts: dict[str, int] = {}
        numbers: dict[str, int] = {}
        for shard in self.index.shards:
            pages = sum(stop - first for first, stop in shard.rows)
            if pages:
                number = numbers[shard.split] = numbers.get(shard.split, -1) + 1
                counts[shard_name(shard.split, number)] = pages
        return counts
