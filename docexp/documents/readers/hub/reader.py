"""Datasets in the form of the Hugging Face hub: made by others, or by ``docexp data export``."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from docexp.documents.page import Page
from docexp.documents.readers.hub.columns import Columns, find_columns
from docexp.documents.readers.hub.layout import row_page
from docexp.documents.readers.hub.page import RowReader, image_bytes
from docexp.documents.readers.hub.scale import SAMPLED, BoxScale, Looked, find_scale
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import RepairSettings
from docexp.documents.reading.tables import TableFile, table_files
from docexp.errors import DocexpError
from docexp.hub import HUB_ID, dataset_folder


@dataclass(frozen=True)
class Block:
    """Rows of a file that are read alone: which block, the number of its first row in the split, the boxes' scale.

    ``numbered`` says that ids are no ids of pages, since they come twice: pages are named by split and row.
    """

    file: TableFile
    block: int
    first: int
    scale: BoxScale
    numbered: bool


@dataclass(kw_only=True)
class HubReader(RepairSettings, Reader):
    """Reads a dataset's folder (parquet, or as ``save_to_disk`` wrote it), or ``source=hub:owner/name``.

    Columns are found by their names (``hub.columns.ROLES``). A hub id may name a revision, as in
    ``hub:owner/name@refs/convert/parquet``; it is fetched where DOCEXP_ONLINE=1 allows that, else found in the cache.
    Datasets with a loading script are refused: docexp runs no code of a dataset.
    """

    name: ClassVar[str] = "Hugging Face dataset"
    licence: ClassVar[str] = "that of the dataset; see its card"

    columns: dict[str, str] = field(default_factory=dict)
    """Where a column's name does not tell what it holds: ``{words: texts, boxes: places}``."""
    config: str = ""
    """Of a dataset with several configurations, the one to read."""
    split: str = ""
    """The split of files whose names tell none."""
    box_scale: BoxScale = "auto"
    """What boxes are measured in: ``pixels`` of the image, ``0..1000`` or ``0..1`` of the page; ``auto`` finds it out,
    and stops where it cannot be told."""
    label_names: list[str] = field(default_factory=list)
    """The names of tags or classes that are stored as bare numbers, in their order."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Unknown before the dataset is read."""
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[Block]:
        """The blocks of every file, split by split."""
        folder = self._folder(source)
        files = table_files(folder, self.config, self.split)
        columns = [self._columns(file, _features(file)) for file in files]
        scale = self._scale(files, columns, str(folder))
        numbered = _ids_come_twice(files, columns, report)
        for unread in {column.unread for column in columns if column.unread}:
            one = f"column that is not read ({unread[0]})"
            report.refuse(f"columns that are not read ({', '.join(unread)})", len(unread), one=one)
        first: dict[str, int] = {}
        for file in files:
            for block, rows in enumerate(file.blocks()):
                yield Block(file, block, first.get(file.split, 0), scale, numbered)
                first[file.split] = first.get(file.split, 0) + rows

    def read(self, unit: Block, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of one block."""
        file, features = unit.file, _features(unit.file)
        columns = self._columns(file, features)
        reader = RowReader(columns, unit.scale, self.repair, report)
        for number, row in enumerate(file.rows(unit.block), start=unit.first):
            where = f"{file.path}, row {number} of {file.split}"
            if columns.own:
                yield file.split, row_page(row, features, where)
            else:
                named = "" if unit.numbered else reader.text("id", row, where)
                yield file.split, reader.page(row, named or f"{file.split}-{number}", where)

    def _folder(self, source: Path | None) -> Path:
        if source is not None and str(source).startswith("hub:"):
            name, _, revision = str(source).removeprefix("hub:").partition("@")
            return dataset_folder(name, revision or None)
        if source is not None and not source.expanduser().exists() and HUB_ID.fullmatch(str(source)):
            raise DocexpError(f"source={source} is no folder here. For the hub's dataset: source=hub:{source}")
        return self.folder(source)

    def _columns(self, file: TableFile, features: Any) -> Columns:
        return find_columns(features, self.columns, self.label_names, str(file.path))

    def _scale(self, files: list[TableFile], columns: list[Columns], where: str) -> BoxScale:
        foreign = [(file, found.of) for file, found in zip(files, columns, strict=True) if "boxes" in found.of]
        if self.box_scale != "auto" or not foreign:
            return "pixels" if self.box_scale == "auto" else self.box_scale
        share = max(1, SAMPLED // len(foreign))
        pages = (page for file, of in foreign for page in islice(_looked(file, of), share))
        return find_scale(pages, where)


def _features(file: TableFile) -> Any:
    from datasets import Features

    try:
        return Features.from_arrow_schema(file.schema())
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:  # it trusts its json
        raise DocexpError(f"{file.path}: its columns are of types that cannot be read ({error}).") from None


def _looked(file: TableFile, of: Mapping[str, str]) -> Iterator[Looked]:
    wanted = [of[role] for role in ("boxes", "width", "height", "image") if role in of]
    for block in range(len(file.blocks())):
        for row in file.rows(block, wanted):
            yield Looked(row[of["boxes"]], _size(row, of))


def _size(row: Mapping[str, Any], of: Mapping[str, str]) -> tuple[float, float] | None:
    if "width" in of and "height" in of:
        size = row[of["width"]], row[of["height"]]
        return size if all(type(value) in (int, float) for value in size) else None
    data = image_bytes(row[of["image"]]) if "image" in of else None
    if data is None:
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return opened.size
    except Exception:  # Pillow's decoders raise many kinds; reading the page will say what is wrong with its image
        return None


def _ids_come_twice(files: list[TableFile], columns: list[Columns], report: Report) -> bool:
    """Whether the id column cannot name pages, as where each split counts its own from 0."""
    seen: set[str] = set()
    for file, found in zip(files, columns, strict=True):
        column = found.of.get("id")
        if column is None:
            continue
        for block in range(len(file.blocks())):
            for row in file.rows(block, [column]):
                if str(row[column]) in seen:
                    report.note(f"column {column} with the same id twice (pages are named by split and row)")
                    return True
                seen.add(str(row[column]))
    return False
