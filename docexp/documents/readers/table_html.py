"""Tables as html tokens with boxed cells: PubTabNet and FinTabNet.

Source: Zhong, ShafieiBavani, Jimeno Yepes, "Image-based table recognition: data, model, and evaluation", ECCV 2020
(PubTabNet: ``PubTabNet_2.0.0.jsonl``, ``{train,val}/*.png``); Zheng et al., "Global Table Extractor (GTE)", WACV 2021
(FinTabNet: ``FinTabNet_1.0.0_table_{train,val,test}.jsonl``). A line is a table:
``{"html": {"cells": [{"tokens": ["<b>", "V", …], "bbox": […]}], "structure": …}, "filename", "split"}``; a cell's
tokens are single characters, and tags. How rows and columns are made of cells is not kept: a page has no place for it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from docexp.documents.geometry import area, as_boxes
from docexp.documents.page import Page, Region
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Repair, RepairSettings, around, four_numbers
from docexp.documents.reading.files import check_keys, inside
from docexp.documents.reading.json_lines import Line, json_lines
from docexp.documents.reading.pages import PageText, text_page
from docexp.documents.reading.pictures import Picture, picture
from docexp.documents.reading.splits import WITH_VAL
from docexp.errors import DocexpError


@dataclass(kw_only=True)
class TableHtmlReader(RepairSettings, Reader):
    """What both sets share: a table is a page, a cell with a box is a region ``cell`` and a line of words.

    Each word of a cell has the cell's box: where in it the word stands is not told.
    """

    tables: list[str] = field(default_factory=list)
    """The json-lines files, relative to the source; a line says itself to which split it belongs."""
    repair: Repair = "clip"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions with one label."""
        return {"regions": ("cell",)}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[Path, Line]]:
        """The source and a line for each table, in the order of the files."""
        root = self.folder(source)
        for name in self.tables:
            file = inside(root, name, "data.reader.tables")
            for line in json_lines(file, "data.reader.tables=[…] names the files."):
                yield root, line

    def read(self, unit: tuple[Path, Line], report: Report) -> Iterator[tuple[str, Page]]:
        """One table."""
        root, line = unit
        table = line.value()
        check_keys(table, {"filename": str, "split": str, "html": dict}, line.where)
        check_keys(table["html"], {"cells": list}, f"{line.where}, html")
        if table["split"] not in WITH_VAL:
            raise DocexpError(f'{line.where}: split "{table["split"][:40]}" is none of {", ".join(WITH_VAL)}.')
        image = self.picture(root, table, line.where, report)
        rules = BoxRules(image.width, image.height, self.repair, report)
        text, regions = self._cells(table, rules, line.where)
        page = text_page(image, self.table_id(table, line.where), self.document(table), text=text, regions=regions)
        yield WITH_VAL[table["split"]], page

    @abstractmethod
    def picture(self, root: Path, table: dict[str, Any], where: str, report: Report) -> Picture:
        """The table's image, and its width and height in pixels."""

    @abstractmethod
    def table_id(self, table: dict[str, Any], where: str) -> str:
        """The page's id."""

    @abstractmethod
    def document(self, table: dict[str, Any]) -> str:
        """The document that the table stands in."""

    def cell_box(self, values: Sequence[float], table: dict[str, Any]) -> Sequence[float]:
        """A cell's box in the page's pixels, from the numbers of its line."""
        return values

    def _cells(self, table: dict[str, Any], rules: BoxRules, where: str) -> tuple[PageText, tuple[Region, ...]]:
        words: list[str] = []
        boxes: list[Any] = []
        lines: list[tuple[int, ...]] = []
        regions: list[Region] = []
        for number, cell in enumerate(table["html"]["cells"]):
            place = f"{where}, cell {number}"
            check_keys(cell, {"tokens": list}, place)
            text = _text(cell["tokens"], place)
            if "bbox" not in cell:
                kind = "cells with text and no box" if text else "empty cells without a box"
                rules.report.refuse(kind, one=kind.replace("cells", "cell"))
                continue
            box = rules.box(self.cell_box(four_numbers(cell["bbox"], place), table), place)
            regions.append(Region("cell", around(box), float(area(as_boxes(box))[0])))
            found = text.split()
            if found:
                lines.append(tuple(range(len(words), len(words) + len(found))))
            words += found
            boxes += [box] * len(found)
        return PageText(tuple(words), as_boxes(boxes), tuple(lines)), tuple(regions)


@dataclass(kw_only=True)
class PubTabNetReader(TableHtmlReader):
    """Reads PubTabNet: images of tables cut out of articles of PubMed Central; boxes in the image's pixels."""

    name: ClassVar[str] = "pubtabnet"
    licence: ClassVar[str] = "CDLA-Permissive-1.0 (annotations); images after the PMC open access subset"

    tables: list[str] = field(default_factory=lambda: ["PubTabNet_2.0.0.jsonl"])
    images: str = "*"
    """The folder of the images, relative to the source; ``*`` stands for the split as the line spells it."""

    def picture(self, root: Path, table: dict[str, Any], where: str, report: Report) -> Picture:
        """The file of its name."""
        return picture(inside(root / self.images.replace("*", table["split"]), table["filename"], where), report)

    def table_id(self, table: dict[str, Any], where: str) -> str:
        """The image's name without its suffix."""
        return str(PurePosixPath(table["filename"]).with_suffix(""))

    def document(self, table: dict[str, Any]) -> str:
        """The article, as in ``PMC4196074_004_00.png``."""
        return PurePosixPath(table["filename"]).stem.partition("_")[0]


@dataclass(kw_only=True)
class FintabnetReader(TableHtmlReader):
    """Reads FinTabNet: tables of annual reports. A page is the table's box, in points; its PDF is not drawn.

    Boxes are points from the bottom left of the PDF page: in the records that were looked at, the first row has the
    largest y, and programs that read the set turn y round (unverified in the release's own words).
    """

    name: ClassVar[str] = "fintabnet"
    licence: ClassVar[str] = "CDLA-Permissive-1.0 (annotations)"

    tables: list[str] = field(
        default_factory=lambda: [f"FinTabNet_1.0.0_table_{split}.jsonl" for split in ("train", "val", "test")]
    )

    def picture(self, root: Path, table: dict[str, Any], where: str, report: Report) -> Picture:
        """No image; the table's size in points, rounded up."""
        check_keys(table, {"bbox": list}, where)
        inside(root, table["filename"], where)
        left, bottom, right, top = four_numbers(table["bbox"], where)
        if not (0 < right - left < 1e6 and 0 < top - bottom < 1e6):
            raise DocexpError(f"{where}: the table's bbox {table['bbox']} holds no area.")
        report.note("tables without a picture", one="table without a picture")
        return Picture(None, "png", int(np.ceil(right - left)), int(np.ceil(top - bottom)))

    def table_id(self, table: dict[str, Any], where: str) -> str:
        """The PDF and the table's number."""
        check_keys(table, {"table_id": int}, where)
        return f"{self.document(table)}-{table['table_id']}"

    def document(self, table: dict[str, Any]) -> str:
        """The PDF page, ``FDX/2017/page_64``: its folders are company and year."""
        return str(PurePosixPath(table["filename"]).with_suffix(""))

    def cell_box(self, values: Sequence[float], table: dict[str, Any]) -> Sequence[float]:
        """From the bottom left of the PDF page to the top left of the table."""
        left, bottom, right, top = values
        return [left - table["bbox"][0], table["bbox"][3] - top, right - table["bbox"][0], table["bbox"][3] - bottom]


def _text(tokens: list[Any], where: str) -> str:
    """What a cell says: its characters, without the tags between them; a line break is a blank."""
    if any(not isinstance(token, str) for token in tokens):
        raise DocexpError(f"{where}: a token is no text.")
    tags = {token for token in tokens if len(token) > 1 and token.startswith("<") and token.endswith(">")}
    return "".join(" " if token.startswith("<br") else "" if token in tags else token for token in tokens)
