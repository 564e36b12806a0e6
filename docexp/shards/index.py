"""The index of a set of shards: facts about the whole set as json, beside a memory-mapped table of its pages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from docexp.documents.page import ANNOTATION_KINDS
from docexp.errors import DocexpError, nearest
from docexp.shards.codes import CodesFacts
from docexp.shards.contents import LABELLED, Contents
from docexp.shards.index_record import check_record
from docexp.shards.table import FORMAT, open_table

if TYPE_CHECKING:
    from docexp.shards.remote_index import RemoteShards

INDEX, TABLE = "index.json", "index.bin"
PARTIAL = ".partial"
"""What a file's name ends in until it is complete."""


@dataclass(kw_only=True)
class SetFacts:
    """What whoever makes a set knows about it; ``command`` is the one that makes it again."""

    name: str
    licence: str
    command: str
    ocr_engine: str | None = None
    ocr_version: str | None = None
    images: str = "keep"
    """How page images are stored: ``keep`` as they came, ``png`` or ``jpg`` encoded anew."""
    image_size: int | None = None
    """Side in pixels of the square that they were resized to before they were stored; None where they were not."""
    codes: CodesFacts | None = None
    """The image tokenizer whose codes lie beside the images; None where there are none."""


@dataclass(frozen=True)
class Shard:
    """One tar. ``name`` is its path in the index's folder, absolute where the tar lies elsewhere.

    ``rows`` are the row ranges of its pages: two where a part of them is ``minival``.
    """

    name: str
    split: str
    size: int
    sha256: str
    rows: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Index:
    """An opened index. It can be sent to other processes; each maps the table for itself.

    ``adopted`` marks tars made by others. ``report`` is what the reader met (kept, repaired, refused).
    ``checksum`` stands for the pages and their order, whatever the folder, the command and the time: it is the
    data's part of a run's identity.
    """

    folder: Path
    facts: SetFacts
    adopted: bool
    report: Mapping[str, Mapping[str, int]]
    docexp: str
    checksum: str
    table_sha256: str
    splits: Mapping[str, Contents]
    shards: tuple[Shard, ...]
    remote: "RemoteShards | None" = None
    """Where the tars come from when they are read, if they do not lie in ``folder``."""

    @classmethod
    def open(cls, folder: Path, remote: "RemoteShards | None" = None) -> Self:
        """Reads the index of ``folder``; neither the tars nor the table's rows are touched.

        Raises:
            DocexpError: there is none, it is damaged, or a newer docexp made it.
        """
        record = _read_record(folder)
        try:
            check_record(record)
            return cls(
                folder=folder,
                facts=_facts(record),
                splits={name: Contents.from_json(values) for name, values in record["splits"].items()},
                shards=tuple(
                    Shard(**shard | {"rows": tuple((first, stop) for first, stop in shard["rows"])})
                    for shard in record["shards"]
                ),
                remote=remote,
                **{name: record[name] for name in ("adopted", "report", "docexp", "checksum", "table_sha256")},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DocexpError(f"{folder / INDEX} is damaged ({error!r}). Make the index again.") from None

    @cached_property
    def table(self) -> NDArray[np.void]:
        """One row for each page (``table.ROW``), memory-mapped; ordered by split, within a split as in the tars."""
        return open_table(self.folder / TABLE, len(self))

    def __len__(self) -> int:
        return sum(contents.pages for contents in self.splits.values())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "table"}  # a memmap pickles as a copy

    @property
    def name(self) -> str:
        """The set's name."""
        return self.facts.name

    @property
    def annotations(self) -> frozenset[str]:
        """The annotation kinds that at least one page carries."""
        kinds = {kind for contents in self.splits.values() for kind in contents.annotations}
        return frozenset(kinds & set(ANNOTATION_KINDS))

    def names(self, kind: str) -> tuple[str, ...]:
        """All names of a kind of ``Contents`` (``entities``, ``document_classes``, …) in any split, sorted."""
        return tuple(sorted({name for contents in self.splits.values() for name in getattr(contents, kind)}))

    def split(self, name: str) -> range:
        """The rows of a split, or of neighbours joined by ``+``, as in ``train+minival``.

        Raises:
            DocexpError: no such split, or the joined ones do not lie side by side.
        """
        parts = [self._contents(part).rows for part in name.split("+")]
        for before, after in pairwise(parts):
            if before.stop != after.start:
                raise DocexpError(f"{self.folder}: split={name} does not lie side by side. {self._what_exists()}")
        return range(parts[0].start, parts[-1].stop)

    def split_of(self, row: int) -> str:
        """The split that a row belongs to."""
        return next(name for name, contents in self.splits.items() if row in contents.rows)

    def contents(self, name: str) -> Contents:
        """What lies in a split, or in neighbours joined by ``+``."""
        rows, parts = self.split(name), [self._contents(part) for part in name.split("+")]
        if len(parts) == 1:
            return parts[0]
        return Contents(
            rows=rows,
            documents=len(np.unique(self.table["document"][rows.start : rows.stop])),
            words=sum(part.words for part in parts),
            questions=sum(part.questions for part in parts),
            **{kind: _sum([getattr(part, kind) for part in parts]) for kind in LABELLED},
        )

    def shard_starts(self, rows: range) -> NDArray[np.int64]:
        """The first row of every stretch of ``rows`` that lies in one tar."""
        firsts = [
            first for shard in self.shards for first, stop in shard.rows if first < rows.stop and stop > rows.start
        ]
        return np.maximum(np.array(sorted(firsts), np.int64), rows.start)

    def summary(self) -> str:
        """Pages by split, entities and words in one line."""
        pages = {name: contents.pages for name, contents in self.splits.items()}
        named = [f"{count:,} {name}" for name, count in pages.items()]
        if {"train", "minival"} <= pages.keys():
            named[:2] = [f"{pages['train'] + pages['minival']:,} train of which {pages['minival']:,} minival"]
        counts = {"entities": 0, "questions": 0, "regions": 0, "words": 0}
        for contents in self.splits.values():
            counts["words"] += contents.words
            counts["questions"] += contents.questions
            for kind in ("entities", "regions"):
                counts[kind] += sum(getattr(contents, kind).values())
        shown = [f"{count:,} {kind}" for kind, count in counts.items() if count or kind == "words"]
        return f"{self.facts.name}: {len(self):,} pages ({', '.join(named)}), {', '.join(shown)}"

    def place(self) -> str:
        """Folder, shards, size and licence in one line."""
        count, size = len(self.shards), sum(shard.size for shard in self.shards)
        shards = "1 shard" if count == 1 else f"{count:,} shards"
        side, kind = self.facts.image_size, self.facts.images
        stored = "" if kind == "keep" else f" · images stored as {kind}" + (f", {side} × {side}" if side else "")
        if self.facts.codes is not None:
            stored += f" · image codes {self.facts.codes}"
        return f"{self.where}: {shards}, {size / 1e6:,.1f} MB{stored} · licence: {self.facts.licence}"

    @property
    def where(self) -> str:
        """The folder, or the URL of remote shards."""
        return str(self.remote or self.folder)

    def path(self, shard: int) -> Path:
        """Where a shard lies; a remote one lies in the cache, fetched if need be.

        Raises:
            DocexpError: a remote one cannot be fetched.
        """
        return self.remote.tar(self.shards[shard]) if self.remote else self.folder / self.shards[shard].name

    def shown(self, shard: int) -> str:
        """Where a shard comes from, for messages."""
        return f"{self.where.rstrip('/')}/{self.shards[shard].name}" if self.remote else str(self.path(shard))

    @property
    def remedy(self) -> str:
        """What to do when tars and index do not fit."""
        if self.remote:
            return "Ask whoever put it there, or try again."
        if self.adopted:
            return f"Restore it, or index the tars anew: {self.facts.command}"
        again = "" if "--again" in self.facts.command.split() else " --again"
        return f"Make it again: {self.facts.command}{again}"

    def _contents(self, name: str) -> Contents:
        if name not in self.splits:
            close = nearest(name, list(self.splits))
            hint = f" Nearest: {close[0]}." if close else ""
            raise DocexpError(f"{self.folder} has no split {name!r}. {self._what_exists()}{hint}")
        return self.splits[name]

    def _what_exists(self) -> str:
        pages = ", ".join(f"{name} ({contents.pages:,} pages)" for name, contents in self.splits.items())
        return f"It has, in this order, {pages}."


def _facts(record: Mapping[str, Any]) -> SetFacts:
    facts = {f.name: record[f.name] for f in fields(SetFacts) if _given(f, record)}
    codes = facts.pop("codes", None)
    return SetFacts(**facts, codes=CodesFacts(**codes) if codes is not None else None)


def _given(item: Field[Any], record: Mapping[str, Any]) -> bool:
    """Whether a fact stands in the record; only one that came to be later may be missing there."""
    return item.name in record or item.default is MISSING


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        record = json.loads(path.read_bytes())
        made_for = record["format"]
    except OSError:
        raise DocexpError(_why_no_index(folder)) from None
    except (ValueError, KeyError, TypeError):
        raise DocexpError(f"{path} is damaged: not the json of an index. Make the index again.") from None
    if made_for != FORMAT:
        maker = record.get("docexp", "?")
        raise DocexpError(f"{path} has format {made_for} (docexp {maker}), this docexp reads {FORMAT}. Make it again.")
    return record


def _why_no_index(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: there is no such folder. Shards are made by: docexp data prepare data=… out={folder}"
    if any(folder.glob(f"*{PARTIAL}")):
        return (
            f"{folder} holds no index: its making did not finish. Run it again: docexp data prepare data=… out={folder}"
        )
    if any(folder.glob("**/*.tar")):
        return f"{folder} holds tars but no index. Make one: docexp data index tars={folder}"
    return f"{folder} holds no shards. They are made by: docexp data prepare data=… out={folder}"


def _sum(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = sorted({name for part in counts for name in part})
    return {name: sum(part.get(name, 0) for part in counts) for name in names}
