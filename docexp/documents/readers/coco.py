"""COCO detection files: pages with layout regions, as PubLayNet, DocLayNet, TableBank and one's own sets come.

Source: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; its data format (cocodataset.org,
"Data format, object detection"). ``images``, ``annotations`` and ``categories`` are read, the rest is not.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from docexp.documents.geometry import area, as_boxes
from docexp.documents.page import Page, Region
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.boxes import BoxRules, Repair, RepairSettings, around, is_number
from docexp.documents.reading.files import check_keys, inside, read_json
from docexp.documents.reading.pages import NO_TEXT, PageText, text_page
from docexp.documents.reading.pictures import MissingImageSettings, picture
from docexp.documents.reading.splits import chosen_splits
from docexp.errors import DocexpError

NUMBER = (int, float)


@dataclass(frozen=True)
class CocoUnit:
    """An image's record with its annotations, the names of the categories, and where all of it was read."""

    split: str
    file: Path
    image: Path
    record: dict[str, Any]
    annotations: list[dict[str, Any]]
    names: dict[int, str]


@dataclass(kw_only=True)
class CocoReader(RepairSettings, MissingImageSettings, Reader):
    """Reads COCO json files with their images. Regions take their labels from the file's own categories.

    A page's id is its image's file name without the suffix. Width and height are the record's, and the image must have
    them. Boxes without width or height match nothing in scoring and are left out, counted; run-length masks, which
    COCO uses for crowds, are not kept, their boxes are.
    """

    name: ClassVar[str] = "coco"
    licence: ClassVar[str] = "as its authors state it"

    train: list[str] = field(default_factory=list)
    """Annotation files of the training split, relative to the source."""
    validation: list[str] = field(default_factory=list)
    """Annotation files of the validation split, relative to the source."""
    test: list[str] = field(default_factory=list)
    """Annotation files of the test split, relative to the source."""
    images: str = "."
    """The folder of the images, relative to the source; ``*`` stands for an annotation file's name without suffix."""
    repair: Repair = "clip"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions, labelled as the files' categories are named."""
        return {"regions": ()}

    def units(self, source: Path | None, report: Report) -> Iterator[CocoUnit]:
        """The images of each file in its order: train, validation, test. A file is grouped by image once."""
        root = self.folder(source)
        if not (self.train or self.validation or self.test):
            raise DocexpError(f"{self.name}: which files? data.reader.train=[train.json], validation=[…], test=[…].")
        for split, names, setting in chosen_splits(self.train, self.validation, self.test):
            for name in names:
                hint = f"{setting}=[…] names the annotation files of this split, [] none."
                file = inside(root, name, setting)
                folder = root / self.images.replace("*", file.stem)
                yield from self._grouped(split, file, folder, read_json(file, hint), report)

    def read(self, unit: CocoUnit, report: Report) -> Iterator[tuple[str, Page]]:
        """One page, or none where ``kept`` says so."""
        where = f"{unit.file}, image {unit.record['file_name']}"
        width, height = unit.record["width"], unit.record["height"]
        if not self.kept(unit.record, report):
            return
        image = picture(unit.image, report, annotated=(width, height), missing=self.missing_images)
        rules = BoxRules(width, height, self.repair, report)
        regions = tuple(self._regions(unit, rules, where))
        report.note("pages without a region", not regions, one="page without a region")
        document, number = self.document(unit.record, where)
        page_name, text = page_id(unit.record["file_name"]), self.text(unit, rules, report)
        yield unit.split, text_page(image, page_name, document, number, text, regions=regions)

    def kept(self, record: dict[str, Any], report: Report) -> bool:
        """Whether an image or annotation is part of the set; what is not is counted. Here all of them are."""
        return True

    def document(self, record: dict[str, Any], where: str) -> tuple[str, int]:
        """The document that an image is a page of, and which page; without knowledge of the set, a document each."""
        return page_id(record["file_name"]), 0

    def text(self, unit: CocoUnit, rules: BoxRules, report: Report) -> PageText:
        """The page's text; COCO knows none."""
        return NO_TEXT

    def _grouped(self, split: str, file: Path, folder: Path, data: Any, report: Report) -> Iterator[CocoUnit]:
        check_keys(data, {"images": list, "annotations": list, "categories": list}, f"{file}: no COCO file")
        names = _names(data["categories"], file)
        groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for number, annotation in enumerate(data.pop("annotations")):
            check_keys(annotation, {"image_id": (int, str)}, f"{file}, annotation {number}")
            groups[annotation["image_id"]].append(annotation)
        seen: set[Any] = set()
        for number, record in enumerate(data["images"]):
            where = f"{file}, image {number}"
            check_keys(record, {"id": (int, str), "file_name": str, "width": int, "height": int}, where)
            if record["id"] in seen:
                raise DocexpError(f"{where}: id {record['id']} comes twice. Correct the file.")
            seen.add(record["id"])
            image = inside(folder, record["file_name"], where)
            yield CocoUnit(split, file, image, record, groups.pop(record["id"], []), names)
        strays = sum(map(len, groups.values()))
        report.refuse(
            "annotations of images that their file does not list",
            strays,
            one="annotation of an image that its file does not list",
        )

    def _regions(self, unit: CocoUnit, rules: BoxRules, where: str) -> Iterator[Region]:
        for number, annotation in enumerate(unit.annotations):
            place = f"{where}, annotation {annotation.get('id', number)}"
            check_keys(annotation, {"bbox": list, "category_id": int}, place)
            if annotation["category_id"] not in unit.names:
                raise DocexpError(f"{place}: category_id {annotation['category_id']} is none of the file's categories.")
            if not self.kept(annotation, rules.report):
                continue
            if 0 in annotation["bbox"][2:]:
                rules.report.refuse("regions without width or height", one="region without width or height")
                continue
            yield _region(annotation, unit.names, rules, place)


def page_id(file_name: str) -> str:
    """The page's id: the image's name as it is written, without its last suffix."""
    return str(PurePosixPath(file_name).with_suffix(""))


def _names(categories: list[Any], file: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for number, category in enumerate(categories):
        check_keys(category, {"id": int, "name": str}, f"{file}, category {number}")
        if category["id"] in names:
            raise DocexpError(f"{file}, category {number}: id {category['id']} comes twice. Correct the file.")
        names[category["id"]] = category["name"]
    return names


def _region(annotation: dict[str, Any], names: dict[int, str], rules: BoxRules, place: str) -> Region:
    box = rules.xywh(annotation["bbox"], place)
    size = annotation.get("area", float(area(as_boxes(box))[0]))
    if not is_number(size):
        raise DocexpError(f'{place}: "area" is {str(size)[:40]!r}, not a number.')
    crowd = annotation.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise DocexpError(f'{place}: "iscrowd" is {str(crowd)[:40]!r}, neither 0 nor 1.')
    return Region(
        label=names[annotation["category_id"]],
        box=around(box),
        area=float(size),
        iscrowd=bool(crowd),
        polygons=_polygons(annotation.get("segmentation", []), rules.report, place),
    )


def _polygons(segmentation: Any, report: Report, place: str) -> tuple[tuple[float, ...], ...]:
    if isinstance(segmentation, dict):
        report.note("run-length masks kept as boxes only", one="run-length mask kept as a box only")
        return ()
    if not isinstance(segmentation, list):
        raise DocexpError(f'{place}: "segmentation" is {str(segmentation)[:40]!r}, not a list of polygons.')
    polygons = []
    for polygon in segmentation:
        if not isinstance(polygon, list) or not all(map(is_number, polygon)) or len(polygon) % 2:
            raise DocexpError(f"{place}: polygon {str(polygon)[:40]} is not a list of x, y, x, y, …")
        if len(polygon) < 6:
            report.refuse("polygons of fewer than three points", one="polygon of fewer than three points")
            continue
        polygons.append(tuple(map(float, polygon)))
    return tuple(polygons)
