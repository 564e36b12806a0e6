"""RVL-CDIP: 400,000 scanned pages of tobacco litigation in sixteen classes.

Source: Harley, Ufkes, Derpanis, "Evaluation of Deep Convolutional Nets for Document Image Classification and
Retrieval", ICDAR 2015, and the readme of its labels. The layout is that of its archives:
``labels/{train,val,test}.txt`` with lines ``imagesr/r/g/e/rge31d00/503210033+-0034.tif 3``, and ``images/``.
Re-releases sort images into folders by class and list them in ``{train,dev}.json``, json lines with Windows separators
and a newline inside the path; a source that has those files and no ``labels`` is read that way.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from docexp.documents.page import Page, PageError
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.faults import LeaveOut
from docexp.documents.reading.files import check_keys, inside, read_text
from docexp.documents.reading.json_lines import json_lines
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import left_out, picture
from docexp.errors import DocexpError

CLASSES = (
    "letter",
    "form",
    "email",
    "handwritten",
    "advertisement",
    "scientific report",
    "scientific publication",
    "specification",
    "file folder",
    "news article",
    "budget",
    "invoice",
    "presentation",
    "questionnaire",
    "resume",
    "memo",
)
LISTS = {"train": "train", "validation": "val", "test": "test"}
FOLDER_LISTS = {"train": "train", "validation": "dev", "test": "test"}


@dataclass(frozen=True)
class Labelled:
    """An image with its class; ``parts`` are the last parts of its path, from which page and document are named."""

    split: str
    image: Path
    parts: tuple[str, ...]
    document_class: str
    where: str


@dataclass(kw_only=True)
class RvlCdipReader(Reader):
    """Reads RVL-CDIP from the folder that holds ``labels`` and ``images``. Pages have no words: OCR gives them some.

    The folder of an image carries the collection's identifier of a document, so that it is the page's document, and
    the page is ``<folder>/<file>``.
    """

    name: ClassVar[str] = "rvl_cdip"
    licence: ClassVar[str] = "research use"

    missing_images: LeaveOut = "error"
    """Where an image is missing: ``error`` stops, ``leave_out`` leaves the page out (counted)."""
    unreadable_images: LeaveOut = "error"
    """Where an image does not decode, as one of the test split is said not to: as for ``missing_images``."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """One of sixteen classes for each page."""
        return {"document_class": CLASSES}

    def units(self, source: Path | None, report: Report) -> Iterator[Labelled]:
        """The lines of the lists train, validation, test; a list that is not there is counted."""
        root = self.folder(source)
        labels = (root / "labels").is_dir()
        files = {
            split: root / (f"labels/{n}.txt" if labels else f"{FOLDER_LISTS[split]}.json") for split, n in LISTS.items()
        }
        present = {split: file for split, file in files.items() if file.is_file()}
        if not present:
            raise DocexpError(f"{root}: no RVL-CDIP here. Expected labels/train.txt, val.txt, test.txt, and images.")
        lacking = len(files) - len(present)
        report.refuse("splits without a list of labels", lacking, one="split without a list of labels")
        for split, file in present.items():
            yield from _lines(split, file, root / "images") if labels else _records(split, file)

    def read(self, unit: Labelled, report: Report) -> Iterator[tuple[str, Page]]:
        """One page, or none where its image is missing or does not decode and may be left out."""
        if left_out(unit.image, self.missing_images, unit.where, report):
            return
        try:
            image = picture(unit.image, report)
        except PageError as error:
            if self.unreadable_images == "error":
                advice = "data.reader.unreadable_images=leave_out leaves such pages out (counted)."
                raise DocexpError(f"{str(error).removesuffix('.')}. {advice}") from None
            report.refuse("pages whose image does not decode", one="page whose image does not decode")
            return
        folder, stem = unit.parts[-2:]
        document = folder if len(unit.parts) > 2 else f"{folder}/{stem}"
        page_id, label = f"{folder}/{stem}", unit.document_class
        yield unit.split, text_page(image, page_id, document, document_class=label)


def _lines(split: str, file: Path, images: Path) -> Iterator[Labelled]:
    """``path number`` on each line; names may hold anything but the last blank."""
    for number, line in enumerate(read_text(file).split("\n")):
        text, where = line.removesuffix("\r"), f"{file}, line {number + 1}"
        if not text:
            continue
        path, _, label = text.rpartition(" ")
        if not (re.fullmatch("[0-9]{1,2}", label) and int(label) < len(CLASSES)):
            raise DocexpError(f'{where}: class "{label[:20]}" is no number from 0 to {len(CLASSES) - 1}.')
        yield _labelled(split, images, path, CLASSES[int(label)], where)


def _records(split: str, file: Path) -> Iterator[Labelled]:
    """``{"label": …, "path_img": …}`` on each line, the path as Windows writes it, below the list's folder."""
    for line in json_lines(file):
        record = line.value()
        check_keys(record, {"label": str, "path_img": str}, line.where)
        path = record["path_img"].rstrip("\r\n").replace("\\", "/")
        yield _labelled(split, file.parent, path, record["label"], line.where)


def _labelled(split: str, root: Path, path: str, label: str, where: str) -> Labelled:
    image = inside(root, path, where)
    parts = PurePosixPath(path).with_suffix("").parts
    if len(parts) < 2:
        raise DocexpError(f"{where}: {path[:80]} names no folder. Take the list from the archive.")
    return Labelled(split, image, parts, label, where)
