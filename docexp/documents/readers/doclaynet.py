"""DocLayNet: pages of reports, manuals, patents, laws and articles, laid out by hand in eleven classes.

Source: Pfitzmann et al., "DocLayNet: A Large Human-Annotated Dataset for Document-Layout Analysis", KDD 2022, and the
README of DS4SD/DocLayNet. The layout is that of its archives: ``COCO/{train,val,test}.json``, ``PNG/<hash>.png`` (core)
and ``JSON/<hash>.json`` (extra, with the text of the PDF pages).

A page is measured in its image's pixels: the published images are squashed to 1025 × 1025, the annotations are in that
frame, and detection is scored there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from docexp.documents.readers.coco import NUMBER, CocoReader, CocoUnit
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import BoxRules, four_numbers, is_number
from docexp.documents.reading.files import check_keys, read_json
from docexp.documents.reading.pages import PageText
from docexp.documents.reading.segments import SegmentWords
from docexp.errors import DocexpError

LABELS = (
    "Caption",
    "Footnote",
    "Formula",
    "List-item",
    "Page-footer",
    "Page-header",
    "Picture",
    "Section-header",
    "Table",
    "Text",
    "Title",
)


@dataclass(kw_only=True)
class DoclaynetReader(CocoReader):
    """Reads DocLayNet from the folder that holds ``COCO`` and ``PNG`` and, for words, ``JSON``.

    Redundant annotations, those with a ``precedence`` other than 0, are left out and counted. Where ``JSON`` is there,
    its text cells, one printed line or part of it each, become lines, and their words share a cell's width by their
    letters. Its boxes are read as x, y, width, height from the top left, in the frame of ``coco_width`` and
    ``coco_height``: so are the numbers of the README's example, which equal the annotation of the same heading (the
    comment beside them says otherwise; unverified on other files).
    """

    name: ClassVar[str] = "doclaynet"
    licence: ClassVar[str] = "CDLA-Permissive-1.0"

    train: list[str] = field(default_factory=lambda: ["COCO/train.json"])
    validation: list[str] = field(default_factory=lambda: ["COCO/val.json"])
    test: list[str] = field(default_factory=lambda: ["COCO/test.json"])
    images: str = "PNG"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions with their eleven labels."""
        return {"regions": LABELS}

    def kept(self, record: dict[str, Any], report: Report) -> bool:
        """Only what has ``precedence`` 0, or none."""
        redundant = bool(record.get("precedence", 0))
        kind = "region" if "bbox" in record else "page"
        report.refuse(f"redundant {kind}s (precedence above 0)", redundant, f"redundant {kind} (precedence above 0)")
        return not redundant

    def document(self, record: dict[str, Any], where: str) -> tuple[str, int]:
        """The file in its collection, and the page's number, which is taken to count from 1 (unverified)."""
        check_keys(record, {"collection": str, "doc_name": str, "page_no": int}, where)
        return f"{record['collection']}/{record['doc_name']}", max(record["page_no"] - 1, 0)

    def text(self, unit: CocoUnit, rules: BoxRules, report: Report) -> PageText:
        """Words from the page's file in ``JSON``, if that folder is there."""
        folder = unit.image.parent.parent / "JSON"
        if not folder.is_dir():
            return super().text(unit, rules, report)
        file = folder / f"{unit.image.stem}.json"
        cells, scale = _cells(read_json(file, "Is the extra archive fully unpacked?"), str(file), rules)
        segments = SegmentWords()
        for number, cell in enumerate(cells):
            place = f"{file}, cell {number}"
            check_keys(cell, {"bbox": list, "text": str}, place)
            box = rules.xywh((np.array(four_numbers(cell["bbox"], place)) * scale).tolist(), place)
            if not cell["text"].strip():
                report.refuse("text cells without visible text", one="text cell without visible text")
                continue
            segments.add(cell["text"], box)
        kind = "words with a share of their text cell's box"
        report.note(kind, len(segments.words), "word with a share of its text cell's box")
        return segments.text


def _cells(data: Any, where: str, rules: BoxRules) -> tuple[list[Any], Any]:
    """The text cells, and what x, y, width and height are multiplied with to be in the page's pixels."""
    check_keys(data, {"metadata": dict, "cells": list}, where)
    check_keys(data["metadata"], {"coco_width": NUMBER, "coco_height": NUMBER}, f"{where}, metadata")
    wide, high = data["metadata"]["coco_width"], data["metadata"]["coco_height"]
    if not (is_number(wide) and is_number(high) and wide > 0 and high > 0):
        raise DocexpError(f"{where}: coco_width {str(wide)[:40]} and coco_height {str(high)[:40]} are no sizes.")
    return data["cells"], np.array([rules.width / wide, rules.height / high] * 2)
