"""Where the receipts of CORD lie: json files beside images, or parquet files of the Hugging Face hub."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.files import check_keys, listing, parse_json, read_json
from docexp.documents.readers.pictures import MissingImages, Picture, checked_picture, picture
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

FOLDERS = {"train": "train", "dev": "validation", "test": "test"}
PARQUET = r"(train|validation|test)-\d+-of-\d+.*\.parquet"


@dataclass(frozen=True)
class CordUnit:
    """A json file, or a row group of a parquet file."""

    split: str
    file: Path
    row_group: int | None = None


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
    parquet = _parquet_files(source)
    if not parquet:
        raise DocexpError(
            f"{source}: no CORD here. Expected train/json and train/image, as in the archives, "
            "or data/train-….parquet, as on the Hugging Face hub."
        )
    for split, file in parquet:
        yield from (CordUnit(split, file, group) for group in range(_opened(file).num_row_groups))


def receipts(unit: CordUnit, report: Report, missing: MissingImages) -> Iterator[CordReceipt]:
    """The receipts of a unit; ids are ``<split>_receipt_<number>``, the number of the file or of ``image_id``.

    Raises:
        DocexpError: something cannot be read, or an image is missing that may not be.
    """
    if unit.row_group is not None:
        yield from _rows(unit)
        return
    record = read_json(unit.file)
    size = _checked(record, str(unit.file))[0]
    image = unit.file.parent.parent / "image" / f"{unit.file.stem}.png"
    found = picture(image, report, annotated=size, missing=missing)
    yield CordReceipt(f"{unit.split}_{unit.file.stem}", str(unit.file), record, found)


def _rows(unit: CordUnit) -> Iterator[CordReceipt]:
    import pyarrow as pa

    table = _opened(unit.file)
    first = sum(table.metadata.row_group(group).num_rows for group in range(unit.row_group or 0))
    try:
        rows = table.read_row_group(unit.row_group, columns=["image", "ground_truth"]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(unit.file, error) from None
    for number, row in enumerate(rows, start=first):
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


def _parquet_files(source: Path) -> list[tuple[str, Path]]:
    found = []
    for folder in (source, source / "data"):
        for file in sorted(folder.glob("[!.]*.parquet")):
            match = re.fullmatch(PARQUET, file.name)
            if match:
                found.append((match.group(1), file))
    return sorted(found, key=lambda item: (("train", "validation", "test").index(item[0]), item[1]))


def _opened(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None
    missing = {"image", "ground_truth"} - set(table.schema_arrow.names)
    if missing:
        raise DocexpError(f"{file}: no column {' and '.join(sorted(missing))}; CORD has image and ground_truth.")
    return table


def _damaged(file: Path, error: Exception) -> DocexpError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DocexpError(f"{file}: not a parquet file ({reason[:120]}). Copy it again from the hub.")
