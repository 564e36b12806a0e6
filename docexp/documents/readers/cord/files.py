"""Where the receipts of CORD lie: json files beside images, or parquet files of the Hugging Face hub.

The parquet files are those of naver-clova-ix/cord-v1 and -v2, as their cards describe them: none was at hand, so that
their names (``train-00000-of-00004-….parquet``), and that ``image_id`` names a receipt within its split, are
unverified.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.reader import Report
from docexp.documents.reading.files import check_keys, listing, parse_json, read_json
from docexp.documents.reading.pictures import MissingImages, Picture, checked_picture, picture
from docexp.documents.reading.tables import TableFile, dataset_tables
from docexp.errors import DocexpError

FOLDERS = {"train": "train", "dev": "validation", "test": "test"}


@dataclass(frozen=True)
class CordUnit:
    """A json file, or a block of a table's rows, of which the first is row ``first``."""

    split: str
    file: Path
    table: TableFile | None = None
    block: int = 0
    first: int = 0


@dataclass(frozen=True)
class CordReceipt:
    """An annotation with its image; ``where`` names its place in errors."""

    id: str
    where: str
    record: dict[str, Any]
    picture: Picture


def cord_units(source: Path, report: Report) -> Iterator[CordUnit]:
    """The units of whichever layout is there.

    Raises:
        DocexpError: neither is, or a parquet file is none.
    """
    for root in (source, source / "CORD"):
        splits = [name for name in FOLDERS if (root / name / "json").is_dir()]
        for name in splits:
            files = listing(root / name / "json", "*.json", report)
            alone = {file.stem for file in (root / name / "image").glob("[!.]*.png")} - {file.stem for file in files}
            report.refuse("images without an annotation file", len(alone), one="image without an annotation file")
            yield from (CordUnit(FOLDERS[name], file) for file in files)
        if splits:
            return
    tables = dataset_tables(source, {"image", "ground_truth"}, "CORD")
    if not tables:
        raise DocexpError(
            f"{source}: no CORD here. Expected train/json and train/image, as in the archives, "
            "or data/train-….parquet, as on the Hugging Face hub."
        )
    for table in tables:
        first = 0
        for block, rows in enumerate(table.blocks()):
            yield CordUnit(table.split, table.path, table, block, first)
            first += rows


def receipts(unit: CordUnit, report: Report, missing: MissingImages) -> Iterator[CordReceipt]:
    """The receipts of a unit; ids are ``<split>_receipt_<number>``, the number of the file or of ``image_id``.

    Raises:
        DocexpError: something cannot be read, or an image is missing that may not be.
    """
    if unit.table is not None:
        yield from _rows(unit, unit.table)
        return
    record = read_json(unit.file)
    size = _checked(record, str(unit.file))[0]
    image = unit.file.parent.parent / "image" / f"{unit.file.stem}.png"
    found = picture(image, report, annotated=size, missing=missing)
    yield CordReceipt(f"{unit.split}_{unit.file.stem}", str(unit.file), record, found)


def _rows(unit: CordUnit, table: TableFile) -> Iterator[CordReceipt]:
    for number, row in enumerate(table.rows(unit.block, ["image", "ground_truth"]), start=unit.first):
        where = f"{unit.file}, row {number}"
        check_keys(row, {"image": dict, "ground_truth": str}, where)
        check_keys(row["image"], {"bytes": bytes}, f"{where}, image")
        record = parse_json(row["ground_truth"], f"{where}, ground_truth")
        size, image_id = _checked(record, where)
        found = checked_picture(row["image"]["bytes"], where, annotated=size)
        yield CordReceipt(f"{unit.split}_receipt_{image_id:05d}", where, record, found)


def _checked(record: Any, where: str) -> tuple[tuple[int, int], int]:
    """The annotated width and height, and the image's number."""
    check_keys(record, {"meta": dict}, where)
    check_keys(record["meta"], {"image_size": dict, "image_id": int}, f"{where}, meta")
    check_keys(record["meta"]["image_size"], {"width": int, "height": int}, f"{where}, image_size")
    size = record["meta"]["image_size"]
    return (size["width"], size["height"]), record["meta"]["image_id"]
