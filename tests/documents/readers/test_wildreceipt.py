"""WildReceipt: the genuine sample, and its anomalies in miniature folders of MMOCR's form."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.documents.readers.reader import Report
from docexp.documents.readers.wildreceipt import CLASSES, WildReceiptReader

WIDTH, HEIGHT = 200, 100


def segment(text: str, label: int, x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """The four points begin at the bottom left."""
    return {"box": [x0, y1, x1, y1, x1, y0, x0, y0], "text": text, "label": label}


def receipt(**changes: Any) -> dict[str, Any]:
    segments = [segment("SAFE WAY", 1, 10, 10, 90, 20), segment("", 0, 10, 30, 20, 40), segment("T", 24, 5, 50, 9, 60)]
    values = {"file_name": "image_files/Image_1/1.jpeg", "height": HEIGHT, "width": WIDTH, "annotations": segments}
    return {**values, **changes}


def folder(tmp_path: Path, *records: Any, name: str = "train.txt", classes: str | None = None) -> Path:
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
    listed = "\n".join(f"{n} {name}" + "\t" * (n % 5 == 3) for n, name in enumerate(CLASSES))
    (tmp_path / "class_list.txt").write_text(listed if classes is None else classes)
    return tmp_path


def read(source: Path, **changes: Any):
    report = Report()
    return list(WildReceiptReader(**{"missing_images": "none", **changes}).pages(source, report)), report


def test_a_receipt_becomes_a_page(tmp_path, encoded):
    source = folder(tmp_path, receipt())
    (source / "image_files/Image_1").mkdir(parents=True)
    (source / "image_files/Image_1/1.jpeg").write_bytes(encoded(WIDTH, HEIGHT, "jpeg"))
    ((split, page),), report = read(source, missing_images="error")
    assert (split, page.id, page.image_format) == ("train", "image_files_Image_1_1", "jpg")
    assert page.words == ("SAFE", "WAY", "", "T")
    assert page.word_boxes.tolist() == [[10, 10, 50, 20], [60, 10, 90, 20], [10, 30, 20, 40], [5, 50, 9, 60]]
    assert [(e.label, e.words, e.box) for e in page.entities] == [
        ("Store_name_value", (0, 1), (10, 10, 90, 20)),
        ("Ignore", (2,), (10, 30, 20, 40)),
        ("Total_key", (3,), (5, 50, 9, 60)),
    ]
    assert page.lines == ((0, 1), (3,))
    assert report.kept == {"segments without text": 1}
    assert set(WildReceiptReader().annotations) == page.annotations


def test_splits_follow_the_files(tmp_path):
    folder(tmp_path, receipt(file_name="b.jpeg"), name="test.txt")
    folder(tmp_path, receipt(file_name="a.jpeg"))
    assert [(split, page.id) for split, page in read(tmp_path)[0]] == [("train", "a"), ("test", "b")]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (receipt(annotations=[segment("A", 26, 1, 1, 9, 9)]), ", segment 0: label 26 has no line in class_list.txt"),
        (receipt(annotations=[segment("A", True, 1, 1, 9, 9)]), ', segment 0: "label" is True, not of type int.'),
        (receipt(annotations=[segment("A", 1, 1, 1, 209, 9)]), ", segment 0: box (1, 1, 209, 9) is outside the page"),
        (receipt(file_name="../../x.jpeg"), ": '../../x.jpeg' is no path inside DIR."),
        (receipt(file_name="/etc/x.jpeg"), ": '/etc/x.jpeg' is no path inside DIR."),
        (receipt(height="100"), ": \"height\" is '100', not of type int."),
        (b"{", ": not a json file (Expecting property name"),
    ],
)
def test_broken_lines_are_refused(tmp_path, refusal, record, text):
    said = refusal(WildReceiptReader(missing_images="none"), folder(tmp_path, record))
    assert said.startswith(f"DIR/train.txt, line 1{text}")


def test_what_is_missing_is_named(tmp_path, refusal):
    assert refusal(WildReceiptReader(), tmp_path) == (
        "DIR: no WildReceipt here. Expected train.txt, test.txt and class_list.txt."
    )
    folder(tmp_path, receipt(), classes="0 Ignore\n1 Store_name_key\n3 Tel_key\n")
    assert refusal(WildReceiptReader(), tmp_path) == (
        "DIR/class_list.txt: line '3 Tel_key' is not 2 and the name of a class of WildReceipt."
    )
    (tmp_path / "class_list.txt").unlink()
    assert refusal(WildReceiptReader(), tmp_path).startswith("DIR/class_list.txt is missing.")


@given(seed=st.integers(0, 10**6))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, damaged, dumped, survives):
    survives(
        WildReceiptReader(missing_images="none", repair="clip"),
        folder(tmp_path, dumped(damaged(receipt(), seed), seed)),
    )


@pytest.mark.real_data
def test_the_genuine_sample(real_data):
    """Its paths name folders of MMOCR's repository; the images lie beside the file."""
    pages, report = read(real_data / "wildreceipt", missing_images="error")
    assert [(page.width, page.height) for _, page in pages] == [(1600, 1200), (348, 348)]
    labels = Counter(item.label for _, page in pages for item in page.entities)
    assert sum(labels.values()) == 86 and labels["Ignore"] == 4
    assert report.kept["segments without text"] == 4
    assert pages[0][1].words[0] == "SAFEWAY"
    assert pages[0][1].word_boxes[0].tolist() == [550, 104, 937, 190]
