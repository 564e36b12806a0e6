"""ReadingBank: words of Word documents in the order of their places, and the order in which they are read.

Source: Wang et al., "LayoutReader: Pre-training of Text and Layout for Reading Order Detection", EMNLP 2021, and what
microsoft/unilm, layoutreader/s2s_ft/utils.py, reads: pairs of json-lines files whose names differ in ``text`` and
``layout``, line by line the same page. ``src`` holds the words from left to right and top to bottom, ``tgt`` in
reading order, and ``tgt_index`` names, for each place of ``tgt``, the word of ``src`` that stands there, from 0. The
folders of the splits are unverified.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.geometry import as_boxes
from docexp.documents.lines import derived_lines
from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Repair, RepairSettings
from docexp.documents.reading.files import check_keys, listing
from docexp.documents.reading.json_lines import Line, json_lines
from docexp.documents.reading.splits import chosen_splits
from docexp.errors import DocexpError

FRAME = 1000.0
"""Boxes are in thousandths of a page whose size is not told; that frame is taken for the page."""


@dataclass(kw_only=True)
class ReadingbankReader(RepairSettings, Reader):
    """Reads ReadingBank from the folder of its splits. Pages measure 1000 × 1000 and have no images.

    Vertical text has boxes whose y1 lies above y0, which the published code passes over; ``repair`` turns them round.
    """

    name: ClassVar[str] = "readingbank"
    licence: ClassVar[str] = "research only, no redistribution"

    train: str | None = "train"
    """The folder of the training split's files, relative to the source; null for none."""
    validation: str | None = "dev"
    """The folder of the validation split's files, relative to the source; null for none."""
    test: str | None = "test"
    """The folder of the test split's files, relative to the source; null for none."""
    repair: Repair = "swap"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """The order of reading."""
        return {"reading_order": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[str, Line, Line]]:
        """The pages of each pair of files, as places of two lines; the files of a split by name."""
        root = self.folder(source)
        for split, folder, setting in chosen_splits(self.train, self.validation, self.test):
            hint = f"{setting}=FOLDER names this split's folder, null does without."
            for text in listing(root / folder, "*text*.json*", report, hint):
                layout = text.with_name(text.name.replace("text", "layout", 1))
                for ours, theirs in zip_longest(json_lines(text), json_lines(layout)):
                    if ours is None or theirs is None:
                        raise DocexpError(f"{text} and {layout.name} have not as many lines. Copy both again.")
                    yield split, ours, theirs

    def read(self, unit: tuple[str, Line, Line], report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        split, text_line, layout_line = unit
        text, layout = text_line.value(), layout_line.value()
        check_keys(text, {"src": str, "tgt_index": list}, text_line.where)
        check_keys(layout, {"src": list, "tgt": list}, layout_line.where)
        words, order = text["src"].split(), text["tgt_index"]
        if len(words) != len(layout["src"]):
            raise DocexpError(
                f"{text_line.where}: {len(words)} words but {len(layout['src'])} boxes in {layout_line.file.name}. "
                "The two files do not belong together."
            )
        if any(type(index) is not int for index in order) or sorted(order) != list(range(len(words))):
            raise DocexpError(f"{text_line.where}: tgt_index does not name each of the {len(words)} words once.")
        other = [layout["src"][index] for index in order] != layout["tgt"]
        report.note("orders that do not give the boxes of tgt", other, one="order that does not give the boxes of tgt")
        rules = BoxRules(FRAME, FRAME, self.repair, report)
        boxes = as_boxes(
            [
                rules.box(box, f'{layout_line.where}, word {number} "{word}"')
                for number, (word, box) in enumerate(zip(words, layout["src"], strict=True))
            ]
        )
        document, number = _document(text, text_line, report)
        page = Page(
            id=f"{text_line.file.stem}-{text_line.number}",
            document_id=document,
            number=number,
            width=FRAME,
            height=FRAME,
            words=tuple(words),
            word_boxes=boxes,
            lines=derived_lines(words, boxes),
            reading_order=tuple(order),
        )
        yield split, page


def _document(text: dict[str, Any], line: Line, report: Report) -> tuple[str, int]:
    """The document's name and the page's number where the record says both; else a document of its own."""
    name, number = text.get("original_filename"), text.get("page_idx")
    if isinstance(name, str) and name and type(number) is int and number >= 0:
        return name, number
    report.note("pages whose document is not told", one="page whose document is not told")
    return "", 0
