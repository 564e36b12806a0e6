"""PASCAL VOC annotations of page images: PubTables-1M, IIIT-AR-13K, and one's own sets.

Source: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010; Smock, Pesala, Abraham,
"PubTables-1M", CVPR 2022, whose folders are those that microsoft/table-transformer reads (``{train,val,test}/*.xml``,
``images/``); Mondal, Lipps, Jawahar, "IIIT-AR-13K", DAS 2020 (its folders are unverified). Coordinates are taken as
they are, without VOC's one-based pixel; parts, pose, truncation and occlusion are not kept.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from docexp.documents.geometry import area, as_boxes
from docexp.documents.page import Page, Region
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Repair, RepairSettings, around
from docexp.documents.reading.files import inside, listing, read_bytes
from docexp.documents.reading.pages import text_page
from docexp.documents.reading.pictures import MissingImageSettings, picture
from docexp.documents.reading.splits import chosen_splits
from docexp.errors import DocexpError

SUFFIXES = (".jpg", ".png", ".jpeg", ".tif", ".bmp")


@dataclass(kw_only=True)
class VocReader(RepairSettings, MissingImageSettings, Reader):
    """Reads folders of VOC xml files with their images.

    The image is the one named as the xml file, else the one that ``<filename>`` names (IIIT-AR-13K writes there what
    its annotators' copy was called); ``<path>`` is never followed. A page of an article of PubMed Central,
    ``PMC493268_7`` or ``PMC497045_table_2``, belongs to the article's document; any other is a document of its own.
    """

    name: ClassVar[str] = "voc"
    licence: ClassVar[str] = "as its authors state it"

    train: str | None = "train"
    """The folder of the training split's xml files, relative to the source; null for none."""
    validation: str | None = "val"
    """The folder of the validation split's xml files, relative to the source; null for none."""
    test: str | None = "test"
    """The folder of the test split's xml files, relative to the source; null for none."""
    images: list[str] = field(default_factory=lambda: ["images"])
    """The folders of the images, relative to the source; the first that holds an image gives it."""
    repair: Repair = "clip"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions, labelled as the objects are named."""
        return {"regions": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[tuple[str, Path, tuple[Path, ...]]]:
        """Split, xml file and folders of images, by file name within a split."""
        root = self.folder(source)
        folders = tuple(root / name for name in self.images)
        for split, folder, setting in chosen_splits(self.train, self.validation, self.test):
            hint = f"{setting}=FOLDER names this split's xml files, null does without."
            for file in listing(root / folder, "*.xml", report, hint):
                yield split, file, folders

    def read(self, unit: tuple[str, Path, tuple[Path, ...]], report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        split, file, folders = unit
        root = _parsed(file)
        size = tuple(_number(root, f"size/{name}", str(file)) for name in ("width", "height"))
        if any(value != int(value) or value < 1 for value in size):
            raise DocexpError(f"{file}: size {size[0]:g} × {size[1]:g} is no image's.")
        annotated = int(size[0]), int(size[1])
        image = picture(
            self._image(root, file, folders, report), report, annotated=annotated, missing=self.missing_images
        )
        rules = BoxRules(image.width, image.height, self.repair, report)
        regions = tuple(_regions(root, rules, str(file)))
        report.note("pages without a region", not regions, one="page without a region")
        yield split, text_page(image, file.stem, _document(file.stem), regions=regions)

    def _image(self, root: Element, file: Path, folders: tuple[Path, ...], report: Report) -> Path:
        for folder in folders:
            for suffix in SUFFIXES:
                if (folder / f"{file.stem}{suffix}").is_file():
                    return folder / f"{file.stem}{suffix}"
        named = (root.findtext("filename") or "").strip()
        for folder in folders:
            other = inside(folder, named, f"{file}: filename") if named else None
            if other is not None and other.is_file():
                report.note(
                    "images found under the name inside their xml file",
                    one="image found under the name inside its xml file",
                )
                return other
        return (folders or (file.parent,))[0] / f"{file.stem}{SUFFIXES[0]}"


@dataclass(kw_only=True)
class PubTables1mReader(VocReader):
    """Reads PubTables-1M: its pages with tables (detection) or its tables with their parts (structure)."""

    name: ClassVar[str] = "pubtables1m"
    licence: ClassVar[str] = "CDLA-Permissive-2.0"


@dataclass(kw_only=True)
class IiitAr13kReader(VocReader):
    """Reads IIIT-AR-13K: pages of annual reports in several languages."""

    name: ClassVar[str] = "iiit_ar_13k"
    licence: ClassVar[str] = "research use"


def _parsed(file: Path) -> Element:
    """The root of an xml file; document types are refused, for what they define may grow without bound."""
    data = read_bytes(file)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DocexpError(f"{file}: xml with a document type; VOC annotations have none. Copy it from the archive.")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DocexpError(f"{file}: not an xml file ({error}). Copy it again from the archive.") from None
    if root.tag != "annotation":
        raise DocexpError(f"{file}: no VOC annotation: its root is <{root.tag[:40]}>, not <annotation>.")
    return root


def _regions(root: Element, rules: BoxRules, where: str) -> Iterator[Region]:
    for number, item in enumerate(root.iter("object")):
        place = f"{where}, object {number}"
        label = (item.findtext("name") or "").strip()
        if not label:
            raise DocexpError(f"{place}: no <name>.")
        values = [_number(item, f"bndbox/{name}", place) for name in ("xmin", "ymin", "xmax", "ymax")]
        if values[0] == values[2] or values[1] == values[3]:
            rules.report.refuse("regions without width or height", one="region without width or height")
            continue
        difficult = (item.findtext("difficult") or "0").strip() == "1"
        rules.report.note("regions marked difficult", difficult, one="region marked difficult")
        box = rules.box(values, f"{place} ({label})")
        yield Region(label, around(box), float(area(as_boxes(box))[0]))


def _number(element: Element, path: str, where: str) -> float:
    text = element.findtext(path)
    if text is None:
        raise DocexpError(f"{where}: no <{path}>.")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise DocexpError(f"{where}: <{path}> is {text[:40]!r}, not a number.")
    return value


def _document(stem: str) -> str:
    article = re.match(r"(PMC\d+)_", stem, re.ASCII)
    return article[1] if article else stem
