"""PubLayNet: pages of PubMed Central articles with text, titles, lists, tables and figures.

Source: Zhong, Tang, Jimeno Yepes, "PubLayNet: largest dataset ever for document layout analysis", ICDAR 2019.
The layout is that of its archives: ``{train,val}.json`` and ``{train,val,test}/PMC*.jpg``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from docexp.documents.geometry import as_boxes
from docexp.documents.page import Page
from docexp.documents.readers.coco import CocoReader, CocoUnit, page_id
from docexp.documents.readers.files import listing
from docexp.documents.readers.pictures import picture
from docexp.documents.readers.reader import Report

LABELS = ("text", "title", "list", "table", "figure")


@dataclass(kw_only=True)
class PublaynetReader(CocoReader):
    """Reads PubLayNet from its unpacked folder. An article is a document; pages are numbered as in the file names."""

    name: ClassVar[str] = "publaynet"
    licence: ClassVar[str] = "CDLA-Permissive-1.0 (annotations); images after the PMC open access subset"

    train: list[str] = field(default_factory=lambda: ["train.json"])
    """Annotation files of the training split, relative to the source."""
    validation: list[str] = field(default_factory=lambda: ["val.json"])
    """Annotation files of the validation split, relative to the source."""
    images: str = "*"
    """The folder of the images, relative to the source; ``*`` stands for an annotation file's name without suffix."""
    test_images: Literal["skip", "keep"] = "skip"
    """The test split has images and no annotations: ``skip`` leaves them out, ``keep`` gives pages without regions.
    Both are counted."""

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
        page = Page(
            id=unit.stem,
            document_id=document,
            number=number,
            width=image.width,
            height=image.height,
            words=(),
            word_boxes=as_boxes([]),
            image=image.data,
            image_format=image.format,
        )
        yield "test", page

    def document(self, record: dict[str, Any], where: str) -> tuple[str, int]:
        """``PMC3576793_00004.jpg`` is page 4 of article PMC3576793; any other name is a document of its own."""
        parts = re.fullmatch(r"(PMC\d+)_(\d{1,9})", page_id(record["file_name"]), re.ASCII)
        return (parts[1], int(parts[2])) if parts else super().document(record, where)
