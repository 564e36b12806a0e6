"""DocVQA as the Hugging Face hub holds it: parquet files with a row for each question, its image in every row.

Source: the columns of lmms-lab/DocVQA (``questionId``, ``question``, ``question_types``, ``image``,
``ucsf_document_id``, ``ucsf_document_page_no``, ``answers``), all texts but the image and the two lists. Rows of one
document and page become one page with several questions, wherever they stand in a split; its image is the first row's.
No file of it was at hand: that rows of one page have the same image, and the folder ``DocVQA``, are unverified.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.reading.files import check_keys
from docexp.documents.reading.pictures import Picture, checked_picture
from docexp.documents.reading.questions import Asked, QuestionFiles
from docexp.documents.reading.tables import TableFile, dataset_tables
from docexp.errors import DocexpError

COLUMNS = ("questionId", "question", "ucsf_document_id", "ucsf_document_page_no")
OPTIONAL = ("question_types", "answers")


@dataclass(frozen=True)
class AskedRows:
    """The pages whose first question stands in one block of a file: number in the block, and what is asked."""

    root: Path
    file: TableFile
    block: int
    rows: tuple[tuple[int, Asked], ...]


def asked_rows(root: Path, questions: QuestionFiles) -> Iterator[AskedRows]:
    """The blocks of all files below ``root`` with the pages that begin in each; images are not read.

    Raises:
        DocexpError: no files of DocVQA, or a row that is no question.
    """
    files = _tables(root)
    places: dict[str, tuple[TableFile, int, int]] = {}
    for file in files:
        columns = [*COLUMNS, *(name for name in OPTIONAL if name in file.schema().names)]
        number = 0
        for block in range(len(file.blocks())):
            for row, record in enumerate(file.rows(block, columns)):
                where = f"{file.path}, row {number}"
                check_keys(record, {"ucsf_document_id": str, "ucsf_document_page_no": (str, int)}, where)
                image = f"{record['ucsf_document_id']}_{record['ucsf_document_page_no']}"
                questions.add(file.split, [(where, record | {"image": image})])
                places.setdefault(image, (file, block, row))
                number += 1
    blocks: dict[tuple[TableFile, int], list[tuple[int, Asked]]] = {}
    for asked in questions:
        file, block, row = places[asked.image]
        blocks.setdefault((file, block), []).append((row, asked))
    for (file, block), rows in blocks.items():
        yield AskedRows(root, file, block, tuple(rows))


def row_pictures(unit: AskedRows) -> Iterator[tuple[Asked, Picture]]:
    """What is asked about each page of a unit, with its image.

    Raises:
        DocexpError: a row without an image, or with one that does not decode.
    """
    wanted = dict(unit.rows)
    for row, record in enumerate(unit.file.rows(unit.block, ["image"])):
        if row not in wanted:
            continue
        check_keys(record, {"image": dict}, wanted[row].where)
        image: Any = record["image"]
        check_keys(image, {"bytes": bytes}, f"{wanted[row].where}, image")
        yield wanted[row], checked_picture(image["bytes"], wanted[row].where)


def _tables(root: Path) -> list[TableFile]:
    folder = root / "DocVQA" if (root / "DocVQA").is_dir() else root
    files = dataset_tables(folder, {*COLUMNS, "image"}, "DocVQA")
    if not files:
        raise DocexpError(
            f"{root}: no DocVQA here. Expected val/val_v1.0.json, or spdocvqa_qas/val_v1.0_withQT.json, and the like, "
            "or the hub's parquet files."
        )
    return files
