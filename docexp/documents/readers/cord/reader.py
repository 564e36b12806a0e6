"""CORD: photographed receipts, every word labelled with one of 30 categories and grouped into menu items.

Source: Park et al., "CORD: A Consolidated Receipt Dataset for Post-OCR Parsing", Document Intelligence Workshop 2019
(clovaai/cord). Read are the archives of versions 0 and 1, ``{train,dev,test}/{image,json}``, and the parquet files of
versions 1 and 2 on the Hugging Face hub, with the columns ``image`` and ``ground_truth``.

Each ``valid_line`` is one entity and one line, as the published LayoutLMv3 preprocessing takes it (microsoft/unilm,
layoutlmv3/layoutlmft/data/cord.py), its key words included. Lines of one ``group_id`` are linked: a relation ``group``
leads from the group's first line to each of the others. ``dev`` becomes ``validation``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docexp.documents.geometry import as_boxes
from docexp.documents.page import Entity, Page, Relation
from docexp.documents.readers.cord.files import CordUnit, cord_units, receipts
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Cut, around
from docexp.documents.reading.files import check_keys
from docexp.documents.reading.pages import PageText, text_page
from docexp.documents.reading.pictures import MissingImageSettings, Picture
from docexp.errors import DocexpError

CATEGORIES = (
    *(f"menu.{name}" for name in ("nm", "num", "unitprice", "cnt", "discountprice", "price", "itemsubtotal", "vatyn")),
    *(f"menu.{name}" for name in ("etc", "sub_nm", "sub_unitprice", "sub_cnt", "sub_price", "sub_etc")),
    *(f"void_menu.{name}" for name in ("nm", "price")),
    *(f"sub_total.{name}_price" for name in ("subtotal", "discount", "service", "othersvc", "tax")),
    "sub_total.etc",
    *(f"total.{name}" for name in ("total_price", "total_etc", "cashprice", "changeprice", "creditcardprice")),
    *(f"total.{name}" for name in ("emoneyprice", "menutype_cnt", "menuqty_cnt")),
)
"""The categories as the data spell them (``sub_total``, where the authors' table says ``subtotal``)."""

CORNERS = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")


@dataclass(kw_only=True)
class CordReader(MissingImageSettings, Reader):
    """Reads CORD from the folder of ``train``, ``dev`` and ``test``, or of the hub's parquet files."""

    name: ClassVar[str] = "cord"
    licence: ClassVar[str] = "CC BY 4.0"

    repair: Cut = "clip"
    """What to do with words that reach beyond the image, as a few do: ``clip`` cuts them at its border (counted),
    ``none`` refuses them."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities with their 30 categories, the links within a group, and the values of ``gt_parse``."""
        return {"entities": CATEGORIES, "relations": ("group",), "fields": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[CordUnit]:
        """The json files, or the row groups of the parquet files, train first."""
        yield from cord_units(self.folder(source), report)

    def read(self, unit: CordUnit, report: Report) -> Iterator[tuple[str, Page]]:
        """The receipts of a unit: one, or those of a row group."""
        for receipt in receipts(unit, report, self.missing_images):
            page = _Receipt(receipt.record, receipt.where, receipt.picture, self.repair, report)
            yield unit.split, page.page(receipt.id)


class _Receipt:
    """One receipt's annotation on its way to a page."""

    def __init__(self, record: dict[str, Any], where: str, picture: Picture, repair: Cut, report: Report) -> None:
        self.record, self.where, self.picture, self.report = record, where, picture, report
        self.rules = BoxRules(picture.width, picture.height, repair, report)
        self.words: list[str] = []
        self.boxes: list[Any] = []
        self.entities: list[Entity] = []
        self.groups: list[int] = []

    def page(self, name: str) -> Page:
        check_keys(self.record, {"valid_line": list}, self.where)
        for number, line in enumerate(self.record["valid_line"]):
            self._add_line(line, number)
        self._note_left_out()
        return text_page(
            self.picture,
            name,
            text=PageText(tuple(self.words), as_boxes(self.boxes), self._lines()),
            entities=tuple(self.entities),
            relations=self._groups(),
            fields=_fields(self.record["gt_parse"], self.where) if "gt_parse" in self.record else None,
        )

    def _add_line(self, line: Any, number: int) -> None:
        where = f"{self.where}, line {number}"
        check_keys(line, {"words": list, "category": str, "group_id": int}, where)
        if not line["words"]:
            self.report.refuse("lines without a word", one="line without a word")
            return
        first = len(self.words)
        for place, word in enumerate(line["words"]):
            self._add_word(word, f"{where}, word {place}")
        indices = tuple(range(first, len(self.words)))
        box = around(as_boxes(self.boxes[first:]))
        self.entities.append(Entity(line["category"], indices, box, str(number)))
        self.groups.append(line["group_id"])
        if line["category"] not in CATEGORIES:
            self.report.note("lines of a category beyond the 30", one="line of a category beyond the 30")

    def _add_word(self, word: Any, where: str) -> None:
        check_keys(word, {"text": str, "quad": dict, "is_key": int}, where)
        check_keys(word["quad"], dict.fromkeys(CORNERS, (int, float)), f"{where}, quad")
        corners = [word["quad"][corner] for corner in CORNERS]
        self.boxes.append(self.rules.quad(corners, f'{where} "{word["text"]}"'))
        self.words.append(word["text"])
        note = self.report.note
        note("key words", int(word["is_key"] != 0), one="key word")
        note("empty words", int(not word["text"].strip()), one="empty word")
        note("words with a space inside", int(len(word["text"].split()) > 1), one="word with a space inside")

    def _lines(self) -> tuple[tuple[int, ...], ...]:
        lines = ([word for word in entity.words if self.words[word].strip()] for entity in self.entities)
        return tuple(tuple(line) for line in lines if line)

    def _groups(self) -> tuple[Relation, ...]:
        heads: dict[int, int] = {}
        links = []
        for number, group in enumerate(self.groups):
            head = heads.setdefault(group, number)
            if head != number:
                links.append(Relation(head, number, "group"))
        return tuple(links)

    def _note_left_out(self) -> None:
        left_out = {
            "roi": ("regions of interest", "region of interest"),
            "dontcare": ("areas to ignore", "area to ignore"),
            "repeating_symbol": ("rows of a repeated symbol", "row of a repeated symbol"),
        }
        for key, (many, one) in left_out.items():
            value = self.record.get(key)
            count = len(value) if isinstance(value, list) else int(bool(value))
            self.report.refuse(many, count, one=one)


def _fields(parse: Any, where: str) -> dict[str, tuple[str, ...]]:
    """``gt_parse`` flattened: under each path of keys, as ``menu.sub.nm``, all its values in their order.

    Which values make up one menu item is not in it; the relations ``group`` say that.

    Raises:
        DocexpError: a value that is no text.
    """
    check_keys({"gt_parse": parse}, {"gt_parse": dict}, where)
    fields: dict[str, list[str]] = {}
    waiting = [("", parse)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{key}" if path else key, item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(path, item) for item in reversed(value)]
        elif isinstance(value, str) and path:
            fields.setdefault(path, []).append(value)
        else:
            raise DocexpError(f"{where}: gt_parse {path}: {str(value)[:40]!r} is no text. Correct the file.")
    return {path: tuple(values) for path, values in fields.items()}
