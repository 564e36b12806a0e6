"""SROIE: scanned receipts with their text lines and four fields.

Source: Huang et al., "ICDAR2019 Competition on Scanned Receipt OCR and Information Extraction". Two layouts are read:
``{train,test}/{img,box,entities}`` as on the competition's pages, and ``data/{img,box,key}`` of a re-release that
numbers the training receipts. A line of a box file is ``x1,y1,…,x4,y4,TRANSCRIPT``, the transcript with its commas.

The annotators gave text lines, not words, and values, not their places. Words are cut from the lines in proportion to
their characters; an entity stands where a field's value is found in the words (``sroie.entities``).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from docexp.documents.geometry import area, as_boxes
from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.readers.sroie.entities import field_entities
from docexp.documents.reading.boxes import BoxRules, Cut
from docexp.documents.reading.copies import count_copies
from docexp.documents.reading.files import check_keys, listing, parse_json, read_bytes, utf8
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import picture
from docexp.documents.reading.segments import SegmentWords
from docexp.errors import DocexpError

FIELDS = ("company", "date", "address", "total")

Encoding = Literal["utf-8", "cp1252"]


@dataclass(frozen=True)
class Receipt:
    """One receipt's files."""

    split: str
    image: Path
    lines: Path
    key: Path


@dataclass(kw_only=True)
class SroieReader(Reader):
    """Reads SROIE from the folder of ``train`` (and ``test``), or of ``data``, or from the folder above."""

    name: ClassVar[str] = "sroie"
    licence: ClassVar[str] = "unstated by its authors (competition data)"

    repair: Cut = "none"
    """What to do with boxes that are faulty: ``none`` refuses them, ``clip`` cuts those that reach beyond the page.
    Repairs are counted."""
    encoding: Encoding = "utf-8"
    """How files are decoded that are not UTF-8: ``utf-8`` refuses them, ``cp1252`` reads them as Windows-1252."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """The four fields, as values and as entities where they are found in the words."""
        return {"entities": FIELDS, "fields": FIELDS}

    def units(self, source: Path | None, report: Report) -> Iterator[Receipt]:
        """The receipts of ``train``, then of ``test`` where it is there, by file name; all of ``data`` are train."""
        receipts: list[Receipt] = []
        for split, folder, keys, suffix in _parts(self.folder(source)):
            files = _without_copies(listing(folder / "box", f"*.{suffix}", report), report)
            names = {file.stem for file in files}
            for kind, pattern, name in (("img", "*.jpg", "image"), (keys, "*.*", "fields file")):
                alone = {file.stem for file in (folder / kind).glob("[!.]" + pattern)} - names
                report.refuse(f"{name}s without a box file", len(alone), one=f"{name} without a box file")
            key_suffix = ".json" if keys == "key" else ".txt"
            for file in files:
                image = folder / "img" / f"{file.stem}.jpg"
                receipts.append(Receipt(split, image, file, folder / keys / f"{file.stem}{key_suffix}"))
        count_copies([receipt.image for receipt in receipts], report)
        yield from receipts

    def read(self, unit: Receipt, report: Report) -> Iterator[tuple[str, Page]]:
        """One receipt."""
        image = picture(unit.image, report)
        rules = BoxRules(image.width, image.height, self.repair, report)
        segments = _words(_decoded(unit.lines, self.encoding, report), unit.lines, rules)
        fields = _fields(_decoded(unit.key, self.encoding, report), unit.key, report)
        found = field_entities(segments.words, segments.boxes, fields, report)
        values = {name: (value,) for name, value in fields.items()}
        yield unit.split, text_page(image, unit.lines.stem, text=segments.text, entities=found, fields=values)


def _parts(source: Path) -> list[tuple[str, Path, str, str]]:
    """Split, folder, the name of its folder of fields and the suffix of its box files."""
    for root in (source, source / "SROIE2019"):
        if (root / "train" / "box").is_dir():
            splits = [split for split in ("train", "test") if (root / split / "box").is_dir()]
            return [(split, root / split, "entities", "txt") for split in splits]
        for folder in (root, root / "data"):
            if (folder / "box").is_dir() and (folder / "key").is_dir():
                return [("train", folder, "key", "csv")]
    raise DocexpError(
        f"{source}: no SROIE here. Expected train/img, train/box and train/entities, "
        "or data/img, data/box and data/key."
    )


def _without_copies(files: list[Path], report: Report) -> list[Path]:
    """The files less those like ``X(1).txt`` that have the bytes of ``X.txt``.

    That the original download holds such copies is unverified.
    """
    by_name = {file.name: file for file in files}
    kept = []
    for file in files:
        first = by_name.get(re.sub(r"\s*\(\d+\)(?=\.\w+$)", "", file.name), file)
        if first != file and read_bytes(first) == read_bytes(file):
            report.refuse("copies under a numbered name", one="copy under a numbered name")
        else:
            kept.append(file)
    return kept


def _decoded(file: Path, encoding: Encoding, report: Report) -> str:
    data = read_bytes(file)
    hints = {
        "utf-8": "data.reader.encoding=cp1252 reads it as Windows-1252 (counted).",
        "cp1252": "It is not Windows-1252 either; copy it again from the archive.",
    }
    try:
        return utf8(data, str(file), hints[encoding])
    except DocexpError as fault:
        if encoding == "utf-8":
            raise
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            raise fault from None
    report.repair("files read as Windows-1252", one="file read as Windows-1252")
    return text


def _words(text: str, file: Path, rules: BoxRules) -> SegmentWords:
    """The words; a line without text is a blank word of no line."""
    found = SegmentWords()
    for number, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        where = f"{file}, line {number}"
        *corners, transcript = row.split(",", 8)
        box = rules.quad(_numbers(corners, where), where)
        rules.report.note("boxes without area", int(area(as_boxes(box))[0] == 0), one="box without area")
        rules.report.note("lines without text", int(not transcript.strip()), one="line without text")
        found.add(transcript, box)
    return found


def _numbers(corners: list[str], where: str) -> list[float]:
    try:
        numbers = [float(corner) for corner in corners]
    except ValueError:
        numbers = []
    if len(numbers) != 8:
        raise DocexpError(f"{where}: not eight numbers and a transcript, divided by commas.")
    return numbers


def _fields(text: str, file: Path, report: Report) -> dict[str, str]:
    """The fields that have a value, as the file spells them."""
    record = parse_json(text, str(file))
    present = [name for name in FIELDS if not isinstance(record, dict) or name in record]
    check_keys(record, dict.fromkeys(present, str), str(file))
    unknown = sorted(set(record) - set(FIELDS))
    if unknown:
        raise DocexpError(f"{file}: {json.dumps(unknown[0])} is no field of SROIE: {', '.join(FIELDS)}.")
    values = {name: record[name] for name in present if record[name].strip()}
    report.note("fields without a key", len(FIELDS) - len(present), one="field without a key")
    report.note("fields without a value", len(present) - len(values), one="field without a value")
    spaced = sum(value != " ".join(value.split()) for value in values.values())
    report.note("values with line breaks or double spaces", spaced, one="value with a line break or double space")
    return values
