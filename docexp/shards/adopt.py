"""Tars made by others, indexed where they lie."""

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.build import IndexBuilder, commit_index, stage_index
from docexp.shards.entry import Entry
from docexp.shards.index import INDEX, PARTIAL, Index, SetFacts
from docexp.shards.members import split_member, to_page

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "minival": "minival",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Words in a tar's name, or in its folder's, that tell its split."""


def index_tars(
    tars: Path | Sequence[Path],
    out: Path,
    facts: SetFacts,
    *,
    split: str | None = None,
    again: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Index:
    """Makes an index in ``out`` of WebDataset tars that stay where they are; each sample holds a page's json.

    Args:
        tars: tar files, or a folder that holds them at any depth.
        out: the index's folder; it may be that of the tars.
        facts: what the index says about the set.
        split: the split of all tars; else each tar's name or folder must tell it (``SPLIT_NAMES``).
        again: replaces an index that ``out`` holds.
        progress: called with the number of pages indexed since its last call.

    Raises:
        DocexpError: no tars, one that is compressed, damaged or incomplete, or a sample that is no page; the tar,
            the sample's key and what is missing are named.
    """
    files = _files(tars)
    if (out / INDEX).exists() and not again:
        raise DocexpError(f"{out} holds an index already. --again makes it anew; or choose another out=DIR.")
    builder, report = IndexBuilder(), Report()
    for path in files:
        of_split = split or _split_of(path)
        for sample in _samples(path, report):
            page = to_page(sample.members, f"{path}, sample {sample.key}")
            builder.add(Entry.of(of_split, page, sample.members), sample.first, sample.stop - sample.first)
            if progress:
                progress(1)
        builder.close_shard(of_split, _name(path, out), path.stat().st_size, _sha256(path))
    shards, splits, table = builder.finish()
    try:
        out.mkdir(parents=True, exist_ok=True)
        stage_index(out, facts, shards, splits, table, adopted=True, report=report.to_json())
        commit_index(out)
    except OSError as error:
        raise DocexpError(f"{out} cannot be written ({error.strerror}). Choose another out=DIR.") from None
    return Index.open(out)


@dataclass
class _Sample:
    key: str
    first: int
    stop: int
    members: dict[str, bytes] = field(default_factory=dict)


def _samples(path: Path, report: Report) -> Iterator[_Sample]:
    """The tar's samples with the byte range of their members: neighbours with one key, in any order inside."""
    sample: _Sample | None = None
    for key, suffix, first, stop, data in _members(path, report):
        if sample is None or key != sample.key:
            if sample:
                yield sample
            sample = _Sample(key, first, stop)
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


def _files(tars: Path | Sequence[Path]) -> list[Path]:
    if not isinstance(tars, Path):
        files = list(tars)
    elif tars.is_dir():
        files = sorted(tars.rglob("*.tar"), key=lambda path: [_natural(part) for part in path.parts])
        unfinished = next(tars.rglob(f"*.tar{PARTIAL}"), None)
        if unfinished:
            raise DocexpError(f"{unfinished}: the writing of these tars did not finish. Run its command again.")
    else:
        files = [tars]
    missing = [path for path in files if not path.is_file()]
    if missing or not files:
        raise DocexpError(f"{missing[0]}: there is no such file." if missing else f"{tars} holds no .tar files.")
    return files


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _split_of(path: Path) -> str:
    for name in (path.stem, path.resolve().parent.name):
        found = {SPLIT_NAMES[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLIT_NAMES}
        if len(found) == 1:
            return found.pop()
    raise DocexpError(f"{path}: neither its name nor its folder's tells the split. Give it: split=train")


def _name(path: Path, out: Path) -> str:
    path, out = path.resolve(), out.resolve()
    return str(path.relative_to(out) if path.is_relative_to(out) else path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
