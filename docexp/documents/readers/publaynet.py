"""PubLayNet: pages of PubMed Central articles with text, titles, lists, tables and figures.

Source: Zhong, Tang, Jimeno Yepes, "PubLayNet: largest dataset ever for document layout analysis", ICDAR 2019.
The layout is that of its archives: ``{train,val}.json`` and ``{train,val,test}/PMC*.jpg``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from docexp.documents.page import Page
from docexp.documents.readers.coco import CocoReader, CocoUnit, page_id
from docexp.documents.readers.reader import Report
from docexp.documents.reading.files import listing
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import picture

LABELS = ("text", "title", "list", "table", "figure")


@dataclass(kw_only=True)
class PublaynetReader(CocoReader):
    """Reads PubLayNet from its unpacked folder. An article is a document; pages are numbered as in the file names."""

    name: ClassVar[str] = "publaynet"
    licence: ClassVar[str] = "CDLA-Permissive-1.0 (annotations); images after the PMC open access subset"

    train: list[str] = field(default_factory=lambda: ["train.json"])
    validation: list[str] = field(default_factory=lambda: ["val.json"])
    images: str = "*"
    test_images: Literal["leave_out", "keep"] = "leave_out"
    """The test split has images and no annotations: ``leave_out`` leaves them out, ``keep`` gives pages without
    regions. Both are counted."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions with their five labels."""
        return {"regions": LABELS}

    def units(self, source: Path | None, report: Report) -> Iterator[Any]:
        """As any COCO set; then the images of ``test``, whose annotations were never published."""
        yield from super().units(source, report)
        folder = self.folder(source) / "test"
        if self.test or not folder.is_dir():
            return
        files = listing(folder, "*.jpg", report)
        if self.test_images == "keep":
            yield from files
        else:
            report.refuse("test images without annotations", len(files), one="test image without annotations")

    def read(self, unit: Any, report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        if isinstance(unit, CocoUnit):
            yield from super().read(unit, report)
            return
        image = picture(unit, report)
        report.note("test pages without annotations", one="test page without annotations")
        document, number = self.document({"file_name": unit.name}, str(unit))
        yield "test", text_page(image, unit.stem, document, number)

    def document(self, record: dict[str, Any], where: str) -> tuple[str, int]:
        """``PMC3576793_00004.jpg`` is page 4 of article PMC3576793; any other name is a document of its own."""
        parts = re.fullmatch(r"(PMC\d+)_(\d{1,9})", page_id(record["file_name"]), re.ASCII)
        return (parts[1], int(parts[2])) if parts else super().document(record, where)
