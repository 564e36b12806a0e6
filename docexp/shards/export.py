"""Shards as a Hugging Face dataset: parquet files with images inside, as the hub keeps them, and a dataset card."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docexp.documents.readers.hub.layout import page_features, page_row
from docexp.errors import DocexpError
from docexp.shards.card import dataset_card
from docexp.shards.index import PARTIAL, Index
from docexp.shards.read import ShardReader
from docexp.shards.tars import disk

if TYPE_CHECKING:
    from datasets import Features

GROUP_ROWS = 100
"""Rows of a row group: what a reader of parquet takes into memory at once."""

FILE_BYTES = 500 * 2**20
"""A file is closed once its pages' images and words have come to this; the hub's own size."""


def export_dataset(
    index: Index, out: Path, *, file_bytes: int = FILE_BYTES, progress: Callable[[int], None] | None = None
) -> list[Path]:
    """Writes every page of a set, split by split, a row group at a time; gives the parquet files.

    Splits keep their names, ``minival`` among them. The folder has a temporary name until it is complete.

    Args:
        index: the set.
        out: the folder to make; it must not be there yet, or be empty.
        file_bytes: a parquet file is closed once it holds about this much.
        progress: called with the number of pages written since its last call.

    Raises:
        DocexpError: ``out`` holds something or cannot be written, or a page cannot be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DocexpError(f"{out} is there and not empty. Choose another out=DIR.")
    staged = out.with_name(out.name + PARTIAL)
    try:
        with disk(out):
            shutil.rmtree(staged, ignore_errors=True)
            (staged / "data").mkdir(parents=True)
            for split in index.splits:
                _write_split(index, split, staged / "data", file_bytes, progress)
            (staged / "README.md").write_text(dataset_card(index), "utf-8")
            if out.exists():
                out.rmdir()
            staged.replace(out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return sorted((out / "data").glob("*.parquet"))


def features_of(index: Index) -> "Features":
    """The columns of a set's export: labels are those that any of its pages has."""
    labels = {kind: index.names(kind) for kind in ("entities", "relations", "regions")}
    return page_features(sorted(index.annotations), labels | {"document_class": index.names("document_classes")})


def _write_split(
    index: Index, split: str, folder: Path, file_bytes: int, progress: Callable[[int], None] | None
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = features_of(index)
    schema = features.arrow_schema
    parts: list[Path] = []
    writer: Any = None
    written = 0
    try:
        for rows, size in _groups(index, split, features):
            if writer is None:
                parts.append(folder / f"{split}-{len(parts):05d}{PARTIAL}")
                writer = pq.ParquetWriter(parts[-1], schema)
            writer.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=GROUP_ROWS)
            written += size
            if progress:
                progress(len(rows))
            if written >= file_bytes:
                writer.close()
                writer, written = None, 0
    finally:
        if writer is not None:
            writer.close()
    for number, part in enumerate(parts):
        part.replace(folder / f"{split}-{number:05d}-of-{len(parts):05d}.parquet")


def _groups(index: Index, split: str, features: "Features") -> Iterator[tuple[list[dict[str, Any]], int]]:
    """The rows of a split by row groups, with the bytes of their images and about those of their words."""
    reader = ShardReader(index)
    rows: list[dict[str, Any]] = []
    size = 0
    for row in index.split(split):
        page = reader.read(row)
        rows.append(page_row(page, features))
        size += len(page.image or b"") + 50 * len(page.words)
        if len(rows) == GROUP_ROWS:
            yield rows, size
            rows, size = [], 0
    if rows:
        yield rows, size
