"""Tars made by others, indexed where they lie."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from docexp.documents.ocr.formats import OcrFormat, load, recognised
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.reading.splits import named_split
from docexp.errors import DocexpError
from docexp.shards.build import IndexBuilder, commit_index, stage_index
from docexp.shards.entry import Entry
from docexp.shards.index import INDEX, PARTIAL, Index, SetFacts
from docexp.shards.members import to_page
from docexp.shards.samples import Sample, samples
from docexp.shards.tars import disk, file_sha256


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
        split: the split of all tars; else each tar's name or folder must tell it (``named_split``).
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
        for sample in samples(path, report):
            page = _page(sample, path)
            builder.add(Entry.of(of_split, page, sample.members), sample.first, sample.stop - sample.first)
            if progress:
                progress(1)
        builder.close_shard(of_split, _name(path, out), path.stat().st_size, file_sha256(path))
    shards, splits, table = builder.finish(report)
    with disk(out):
        out.mkdir(parents=True, exist_ok=True)
        stage_index(out, facts, shards, splits, table, adopted=True, report=report.to_json())
        commit_index(out)
    return Index.open(out)


def _page(sample: Sample, path: Path) -> Page:
    """The sample's page; of OCR output that is none, it says which reader makes pages."""
    where = f"{path}, sample {sample.key}"
    try:
        return to_page(sample.members, where)
    except DocexpError:
        form = _ocr_format(sample, where)
        if form is None:
            raise
    raise DocexpError(
        f"{where}: its .json is no page record but OCR output ({form.name}).\n"
        f"Make shards of it: docexp data prepare data=ocr_idl source={path.parent} out=DIR"
    )


def _ocr_format(sample: Sample, where: str) -> OcrFormat | None:
    data = sample.members.get("json", b"")
    try:
        return recognised(load(data, "x.json", where)) if b'"word_boxes"' not in data else None
    except DocexpError:
        return None


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
    found = named_split(path.stem) or named_split(path.resolve().parent.name)
    if found:
        return found
    raise DocexpError(f"{path}: neither its name nor its folder's tells the split. Give it: split=train")


def _name(path: Path, out: Path) -> str:
    path, out = path.resolve(), out.resolve()
    return str(path.relative_to(out) if path.is_relative_to(out) else path)
