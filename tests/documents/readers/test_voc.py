"""VOC sets: the genuine records, and every oddity in miniature files."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.documents.page import Region
from docexp.documents.readers.reader import Report
from docexp.documents.readers.voc import IiitAr13kReader, PubTables1mReader, VocReader
from docexp.errors import DocexpError

TRAIN = VocReader(validation=None, test=None)


def item(name: str, *box: Any, extra: str = "") -> str:
    sides = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=False))
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def xml(*items: str, filename: str = "x.jpg", width: Any = 60, height: Any = 80, head: str = "") -> str:
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    names = f"<filename>{filename}</filename><path>/home/x/{filename}</path>"
    return f"{head}<annotation>{names}{size}{''.join(items)}</annotation>"


def download(folder: Path, text: str | bytes, *, stem: str = "PMC10_table_2", image: str | None = None) -> Path:
    for name in ("train", "images"):
        (folder / name).mkdir()
    (folder / "train" / f"{stem}.xml").write_bytes(text.encode() if isinstance(text, str) else text)
    file = io.BytesIO()
    Image.new("L", (60, 80), 255).save(file, "JPEG")
    (folder / "images" / (image or f"{stem}.jpg")).write_bytes(file.getvalue())
    return folder


def read(source: Path, **settings: Any):
    report = Report()
    return list(VocReader(validation=None, test=None, **settings).pages(source, report)), report


def test_objects_become_regions_and_tables_of_an_article_one_document(tmp_path):
    text = xml(item("table row", 1.5, 2, 30.25, 9), item("table", 0, 0, 59, 79, extra="<difficult>1</difficult>"))
    pages, report = read(download(tmp_path, text))
    split, page = pages[0]
    assert (split, page.id, page.document_id) == ("train", "PMC10_table_2", "PMC10")
    assert page.regions == (
        Region("table row", (1.5, 2, 30.25, 9), 28.75 * 7),
        Region("table", (0, 0, 59, 79), 59.0 * 79),
    )
    assert report.kept == {"regions marked difficult": 1}


def test_an_image_is_found_by_the_xml_files_name_first_then_by_the_one_inside(tmp_path):
    pages, report = read(download(tmp_path, xml(filename="OTHER 1, a.jpg"), stem="ar_1", image="OTHER 1, a.jpg"))
    assert pages[0][1].image is not None and pages[0][1].id == pages[0][1].document_id == "ar_1"
    assert report.kept["images found under the name inside their xml file"] == 1
    (tmp_path / "images/ar_1.png").write_bytes((tmp_path / "images/OTHER 1, a.jpg").read_bytes())
    assert "images found under the name inside their xml file" not in read(tmp_path)[1].kept


def test_flat_and_overhanging_boxes_are_counted(tmp_path):
    pages, report = read(download(tmp_path, xml(item("t", 5, 5, 5, 9), item("t", 50, 70, 61, 81))))
    assert [region.box for region in pages[0][1].regions or ()] == [(50, 70, 60, 80)]
    assert report.refused == {"regions without width or height": 1}
    assert report.repaired == {"boxes cut at the page's border": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", ": not an xml file (no element found: line 1, column 12). Copy it again from the archive."),
        ("<svg/>", ": no VOC annotation: its root is <svg>, not <annotation>."),
        (
            xml(head='<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>'),
            ": xml with a document type; VOC annotations have none. Copy it from the archive.",
        ),
        (xml(item("t", 1, 2, 3)), ", object 0: no <bndbox/ymax>."),
        (xml(item("t", 1, 2, 3, "wide")), ", object 0: <bndbox/ymax> is 'wide', not a number."),
        (xml(item("t", 1, 2, 3, "nan")), ", object 0: <bndbox/ymax> is 'nan', not a number."),
        (xml(item(" ", 1, 2, 3, 4)), ", object 0: no <name>."),
        (xml(item("t", 9, 2, 3, 4)), ", object 0 (t): box (9, 2, 3, 4) has x1 < x0. data.reader.repair=swap+clip "),
        (xml(width=0), ": size 0 × 80 is no image's."),
        (xml(height=80.5), ": size 60 × 80.5 is no image's."),
    ],
)
def test_a_faulty_file_is_refused_with_file_and_object(tmp_path, refusal, text, message):
    assert refusal(TRAIN, download(tmp_path, text)).startswith(f"DIR/train/PMC10_table_2.xml{message}")


def test_missing_folders_and_images_say_which_setting_helps(tmp_path, refusal):
    source = download(tmp_path, xml())
    (source / "images/PMC10_table_2.jpg").unlink()
    assert "data.reader.missing_images=none or blank does without (counted)" in refusal(TRAIN, source)
    assert read(source, missing_images="none")[1].kept["pages without their image"] == 1
    with pytest.raises(DocexpError, match=r"val: no xml file\. data\.reader\.validation=FOLDER names"):
        list(VocReader(train=None, test=None).pages(source, Report()))


@pytest.mark.real_data
def test_genuine_records(real_data):
    root, report = real_data / "tables_misc", Report()
    tables = root / "PubTables1M"
    detection = PubTables1mReader(train=None, test=None, missing_images="none")
    page = next(detection.pages(tables / "PubTables1M-Detection-PASCAL-VOC", report))[1]
    assert (page.id, page.width, page.height, len(page.regions)) == ("PMC493268_7", 771, 1000, 1)
    structure = PubTables1mReader(
        train=None, test=None, validation="PubTables-1M-Structure_Annotations_Val", missing_images="none"
    )
    page = next(structure.pages(tables, report))[1]
    labels = [region.label for region in page.regions]
    assert page.document_id == "PMC497045" and len(labels) == 42
    assert (labels.count("table row"), labels.count("table column"), labels.count("table")) == (34, 5, 1)
    reader = IiitAr13kReader(train="iiitar13k", validation=None, test=None, images=[], missing_images="none")
    page = next(reader.pages(root, report))[1]
    assert (page.id, page.regions[0].box) == ("ar_alstom_2015_noneng_123", (62, 165, 771, 838))
