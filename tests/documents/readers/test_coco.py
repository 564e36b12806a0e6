"""COCO sets: any, PubLayNet and TableBank; the genuine sample, and every oddity in miniature files."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.documents.page import Region
from docexp.documents.readers.coco import CocoReader
from docexp.documents.readers.publaynet import LABELS, PublaynetReader
from docexp.documents.readers.reader import Report
from docexp.documents.readers.tablebank import TablebankReader
from docexp.errors import DocexpError

CATEGORIES = [{"id": 1, "name": "text"}, {"id": 4, "name": "table"}]


def picture(width: int = 60, height: int = 80) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), 255).save(file, "JPEG")
    return file.getvalue()


def image(number: int, name: str, **changes: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 60, "height": 80, **changes}


def box(image_id: int, *bbox: float, **changes: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": image_id, "category_id": 4, "bbox": list(bbox), "iscrowd": 0, **changes}


def write(folder: Path, name: str, images: list[Any], annotations: list[Any], categories: Any = CATEGORIES) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


def paint(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture())


def read(reader: Any, source: Path):
    report = Report()
    return list(reader.pages(source, report)), report


def single(folder: Path, *annotations: Any) -> Path:
    """A set of one image with these annotations."""
    write(folder, "t.json", [image(7, "p.jpg")], list(annotations))
    paint(folder, "p.jpg")
    return folder


def one(folder: Path, *annotations: Any, **settings: Any):
    """The page of such a set, and the report."""
    pages, report = read(CocoReader(train=["t.json"], **settings), single(folder, *annotations))
    assert [split for split, _ in pages] == ["train"]
    return pages[0][1], report


def test_regions_have_label_box_area_and_polygons(tmp_path):
    ring = [1, 2, 11, 2, 11, 10]
    page, report = one(tmp_path, box(7, 1.5, 2, 10, 8.25, area=40, segmentation=[ring]), box(7, 0, 0, 5, 5))
    assert page.regions == (
        Region("table", (1.5, 2, 11.5, 10.25), 40.0, False, (tuple(ring),)),
        Region("table", (0, 0, 5, 5), 25.0),
    ), "the annotator's area stands even where it is not the box's"
    assert (page.id, page.words, page.width, page.height, page.image) == ("p", (), 60, 80, picture())
    assert (report.kept, report.repaired, report.refused) == ({}, {}, {})


def test_annotations_go_to_their_images_whatever_their_order(tmp_path):
    write(
        tmp_path,
        "t.json",
        [image(900, "b.jpg"), image(2, "a.jpg"), image(5, "c.jpg")],
        [box(2, 0, 0, 1, 1), box(900, 0, 0, 2, 2), box(2, 0, 0, 3, 3), box(77, 0, 0, 4, 4)],
    )
    paint(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    pages, report = read(CocoReader(test=["t.json"]), tmp_path)
    assert [(page.id, [r.box[2] for r in page.regions or ()]) for _, page in pages] == [
        ("b", [2]),
        ("a", [1, 3]),
        ("c", []),
    ]
    assert pages[2][1].regions == (), "an image without annotations was looked at and holds none"
    assert report.kept == {"pages without a region": 1}
    assert report.refused == {"annotations of images that their file does not list": 1}


def test_units_are_an_image_each_and_list_without_opening_images(tmp_path):
    write(tmp_path, "t.json", [image(n, f"{n}.jpg") for n in range(50)], [box(n % 50, 0, 0, 9, 9) for n in range(500)])
    units = list(CocoReader(train=["t.json"]).units(tmp_path, Report()))
    assert [len(unit.annotations) for unit in units] == [10] * 50
    assert all({a["image_id"] for a in unit.annotations} == {unit.record["id"]} for unit in units)


def test_crowds_keep_their_box_and_their_mask_is_counted(tmp_path):
    mask = {"counts": [3, 5, 10], "size": [80, 60]}
    page, report = one(tmp_path, box(7, 1, 2, 10, 8, area=5, iscrowd=1, segmentation=mask))
    assert page.regions == (Region("table", (1, 2, 11, 10), 5.0, True),)
    assert report.kept == {"run-length masks kept as boxes only": 1}


def test_boxes_are_cut_and_flat_ones_left_out_and_both_counted(tmp_path, refusal):
    page, report = one(tmp_path, box(7, -0.49, 2, 10, 100), box(7, 5, 5, 0, 9), box(7, 5, 5, 9, 0.0))
    assert [region.box for region in page.regions or ()] == [(0, 2, 9.51, 80)]
    assert report.repaired == {"boxes cut at the page's border": 1}
    assert report.refused == {"regions without width or height": 2}
    assert "repair=clip cuts it" in refusal(
        CocoReader(train=["t.json"], repair="none"), single(tmp_path, box(7, -0.49, 2, 10, 100))
    )


def test_short_polygons_are_left_out_and_counted(tmp_path):
    page, report = one(tmp_path, box(7, 1, 1, 5, 5, segmentation=[[1, 1, 2, 2], [1, 1, 5, 1, 5, 5]]))
    assert page.regions and page.regions[0].polygons == ((1, 1, 5, 1, 5, 5),)
    assert report.refused == {"polygons of fewer than three points": 1}


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (box(7, 1, 2, 3), "annotation 1: bbox [1, 2, 3] is not four numbers."),
        (box(7, 1, 2, 3, 4, category_id=9), "annotation 1: category_id 9 is none of the file's categories."),
        (box(7, 1, 2, 3, 4, area="big"), "annotation 1: \"area\" is 'big', not a number."),
        (box(7, 1, 2, 3, 4, iscrowd=2), "annotation 1: \"iscrowd\" is '2', neither 0 nor 1."),
        (box(7, 1, 2, 3, 4, segmentation="x"), "annotation 1: \"segmentation\" is 'x', not a list of polygons."),
        (
            box(7, 1, 2, 3, 4, segmentation=[[1, 2, 3]]),
            "annotation 1: polygon [1, 2, 3] is not a list of x, y, x, y, …",
        ),
        (box(7, 70, 2, 3, 4), "annotation 1: box (70, 2, 73, 6) is outside the page of 60 × 80. Correct the file."),
        (
            box(7, 9, 9, -3, 4),
            "annotation 1: box (9, 9, 6, 13) has x1 < x0. data.reader.repair=swap+clip turns it round (counted).",
        ),
    ],
)
def test_a_faulty_annotation_is_refused_with_file_image_and_id(tmp_path, refusal, annotation, text):
    assert refusal(CocoReader(train=["t.json"]), single(tmp_path, annotation)) == f"DIR/t.json, image p.jpg, {text}"


@pytest.mark.parametrize(
    ("images", "text"),
    [
        ([image(7, "p.jpg"), image(7, "q.jpg")], ", image 1: id 7 comes twice. Correct the file."),
        ([image(7, "../p.jpg")], ", image 0: '../p.jpg' is no file inside DIR. Correct it."),
        ([image(7, "/etc/passwd")], ", image 0: '/etc/passwd' is no file inside DIR. Correct it."),
        ([image(7, "p.jpg", width="60")], ", image 0: \"width\" is '60', not of type int."),
        ([7], ", image 0: '7' is no record with id, file_name, width, height."),
    ],
)
def test_a_faulty_image_record_is_refused(tmp_path, refusal, images, text):
    write(tmp_path, "t.json", images, [])
    paint(tmp_path, "p.jpg")
    assert refusal(CocoReader(train=["t.json"]), tmp_path) == f"DIR/t.json{text}"


def test_an_image_of_another_size_than_its_record_is_refused(tmp_path):
    write(tmp_path, "t.json", [image(7, "p.jpg", width=61)], [])
    paint(tmp_path, "p.jpg")
    with pytest.raises(DocexpError, match=r"the image is 60 × 80, its annotations speak of 61 × 80"):
        read(CocoReader(train=["t.json"]), tmp_path)


def test_files_must_be_named_and_be_there(tmp_path):
    with pytest.raises(DocexpError, match=r"^coco: which files\? data\.reader\.train=\[train\.json\]"):
        read(CocoReader(), tmp_path)
    with pytest.raises(DocexpError, match=r"val\.json is missing\. data\.reader\.validation=\[…\] names"):
        read(CocoReader(validation=["val.json"]), tmp_path)
    (tmp_path / "val.json").write_text("[]")
    with pytest.raises(DocexpError, match=r"val\.json: no COCO file: '\[\]' is no record with images"):
        read(CocoReader(validation=["val.json"]), tmp_path)


def publaynet(folder: Path) -> Path:
    write(folder, "train.json", [image(1, "PMC10_00004.jpg"), image(2, "PMC10_00005.jpg")], [box(1, 0, 0, 5, 5)])
    write(folder, "val.json", [image(3, "PMC11_00000.jpg")], [])
    paint(folder, *(f"train/PMC10_0000{n}.jpg" for n in "45"), "val/PMC11_00000.jpg", "test/PMC12_00003.jpg")
    return folder


def test_publaynet_groups_pages_by_article_and_leaves_the_hidden_test_out(tmp_path):
    pages, report = read(PublaynetReader(), publaynet(tmp_path))
    found = [(split, page.id, page.document_id, page.number) for split, page in pages]
    assert found == [
        ("train", "PMC10_00004", "PMC10", 4),
        ("train", "PMC10_00005", "PMC10", 5),
        ("validation", "PMC11_00000", "PMC11", 0),
    ]
    assert report.refused == {"test images without annotations": 1}


def test_publaynet_keeps_test_pages_without_regions_when_asked(tmp_path):
    pages, report = read(PublaynetReader(test_images="keep"), publaynet(tmp_path))
    split, page = pages[-1]
    assert (split, page.id, page.document_id, page.regions) == ("test", "PMC12_00003", "PMC12", None)
    assert report.kept["test pages without annotations"] == 1 and not report.refused


def test_tablebank_takes_url_encoded_names_as_they_are(tmp_path):
    name = "%20Edward%20Dawes%20paper_13.jpg"
    for part in ("train", "val", "test"):
        for kind in ("word", "latex"):
            images = [image(1, name)] if (part, kind) == ("val", "latex") else []
            write(tmp_path / "Detection/annotations", f"tablebank_{kind}_{part}.json", images, [])
    paint(tmp_path, f"Detection/images/{name}")
    pages, _ = read(TablebankReader(), tmp_path)
    assert [(split, page.id) for split, page in pages] == [("validation", name.removesuffix(".jpg"))]
    (tmp_path / "Detection/images" / name).unlink()
    pages, report = read(TablebankReader(missing_images="blank"), tmp_path)
    assert pages[0][1].image and report.kept["pages on blank paper for want of their image"] == 1


@pytest.mark.real_data
def test_genuine_publaynet_pages(real_data):
    reader = PublaynetReader(train=["examples/samples.json"], validation=[], images="examples")
    pages, report = read(reader, real_data / "publaynet")
    assert len(pages) == 12 and len({page.document_id for _, page in pages}) == 12
    labels = Counter(region.label for _, page in pages for region in page.regions)
    assert labels == {"text": 75, "title": 15, "figure": 7, "table": 5, "list": 3} and set(labels) == set(LABELS)
    regions = [region for _, page in pages for region in page.regions]
    sides = [(r.box[2] - r.box[0]) * (r.box[3] - r.box[1]) for r in regions]
    differ = sum(abs(side - region.area) > 1 for side, region in zip(sides, regions, strict=True))
    assert differ > len(regions) / 2, "the area is the polygon's, not the box's"
    assert all(region.polygons and not region.iscrowd for region in regions)
    assert (report.kept, report.repaired, report.refused) == ({}, {}, {})
