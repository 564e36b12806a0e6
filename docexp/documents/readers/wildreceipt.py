"""WildReceipt: photographed receipts whose text segments have one of 26 classes.

Source: Sun et al., "Spatial Dual-Modality Graph Reasoning for Key Information Extraction", 2021. The layout is that of
MMOCR: ``train.txt`` and ``test.txt`` (``data.txt`` in its small sample) with one json a line, and ``class_list.txt``.
Boxes hold four points that begin at the bottom left. Each segment is one entity and one line; its words are cut from it
in proportion to their characters (many transcripts hold no space and stay one word).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from docexp.documents.page import Entity, Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Cut, around
from docexp.documents.reading.files import check_keys, inside, read_text
from docexp.documents.reading.json_lines import json_lines
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import MissingImageSettings, picture
from docexp.documents.reading.segments import SegmentWords
from docexp.errors import DocexpError

CLASSES = (
    "Ignore",
    *(
        f"{name}_{part}"
        for name in ("Store_name", "Store_addr", "Tel", "Date", "Time", "Prod_item", "Prod_quantity", "Prod_price")
        for part in ("value", "key")
    ),
    *(f"{name}_{part}" for name in ("Subtotal", "Tax", "Tips", "Total") for part in ("value", "key")),
    "Others",
)
"""The names of ``class_list.txt``, by number."""

FILES = {"train.txt": "train", "data.txt": "train", "test.txt": "test"}


@dataclass(frozen=True)
class Receipt:
    """One line of an annotation file, with the class names that its numbers mean."""

    split: str
    where: str
    record: Mapping[str, Any]
    classes: tuple[str, ...]
    root: Path


@dataclass(kw_only=True)
class WildReceiptReader(MissingImageSettings, Reader):
    """Reads WildReceipt from the folder of ``class_list.txt``."""

    name: ClassVar[str] = "wildreceipt"
    licence: ClassVar[str] = "unstated by its authors"

    repair: Cut = "none"
    """What to do with segments that reach beyond the image: ``none`` refuses them, ``clip`` cuts them at its border
    (counted)."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their 26 classes."""
        return {"entities": CLASSES}

    def units(self, source: Path | None, report: Report) -> Iterator[Receipt]:
        """The lines of ``train.txt`` and ``data.txt``, then of ``test.txt``."""
        root = self.folder(source)
        files = [root / name for name in FILES if (root / name).is_file()]
        if not files:
            raise DocexpError(f"{root}: no WildReceipt here. Expected train.txt, test.txt and class_list.txt.")
        classes = _classes(root / "class_list.txt")
        for file in files:
            for line in json_lines(file):
                where, record = line.where, line.value()
                check_keys(record, {"file_name": str}, where)
                yield Receipt(FILES[file.name], where, record, classes, root)

    def read(self, unit: Receipt, report: Report) -> Iterator[tuple[str, Page]]:
        """One receipt. Its id is the image's path as the file spells it, with ``_`` for ``/``, without suffix."""
        kinds = {"height": int, "width": int, "annotations": list}
        check_keys(unit.record, kinds, unit.where)
        size = (unit.record["width"], unit.record["height"])
        image = picture(_image(unit), report, annotated=size, missing=self.missing_images)
        rules = BoxRules(image.width, image.height, self.repair, report)
        segments, entities = SegmentWords(), []
        for number, item in enumerate(unit.record["annotations"]):
            where = f"{unit.where}, segment {number}"
            label, box = _label(item, where, unit.classes), rules.quad(item["box"], where)
            report.note("segments without text", int(not item["text"].strip()), one="segment without text")
            entities.append(Entity(label, segments.add(item["text"], box), around(box), str(number)))
        page_id = str(PurePosixPath(unit.record["file_name"]).with_suffix("")).strip("/").replace("/", "_")
        yield unit.split, text_page(image, page_id, text=segments.text, entities=tuple(entities))


def _classes(file: Path) -> tuple[str, ...]:
    """The names of the classes by number; some lines end in a tab."""
    names = []
    for number, line in enumerate(filter(str.strip, read_text(file).split("\n"))):
        match = re.fullmatch(r"(\d{1,3})\s+(\S+)\s*", line)
        if not match or int(match.group(1)) != number or match.group(2) not in CLASSES:
            raise DocexpError(f"{file}: line {line[:40]!r} is not {number} and the name of a class of WildReceipt.")
        names.append(match.group(2))
    return tuple(names)


def _label(item: Any, where: str, classes: tuple[str, ...]) -> str:
    check_keys(item, {"box": list, "text": str, "label": int}, where)
    if not 0 <= item["label"] < len(classes):
        raise DocexpError(f"{where}: label {item['label']} has no line in class_list.txt, which names {len(classes)}.")
    return classes[item["label"]]


def _image(unit: Receipt) -> Path:
    """The image, which may lie nearer than its path says: MMOCR's sample names folders of MMOCR's repository.

    Raises:
        DocexpError: the path leads out of the dataset.
    """
    parts = inside(unit.root, unit.record["file_name"], unit.where).relative_to(unit.root).parts
    ways = [unit.root.joinpath(*parts[skipped:]) for skipped in range(len(parts))]
    return next((way for way in ways if way.is_file()), ways[0])
