"""CORD: the genuine counts, and its anomalies in miniature archives and parquet files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.documents.page import Relation
from docexp.documents.readers.cord import CATEGORIES, CordReader
from docexp.documents.readers.reader import Report

WIDTH, HEIGHT = 200, 100


def word(text: str, x0: float, y0: float, x1: float, y1: float, key: int = 0, lean: float = 0) -> dict[str, Any]:
    """A word whose right side lies ``lean`` pixels lower; the corners are named in no order, as in the archives."""
    quad = {"x2": x1, "y3": y1 + lean, "x3": x1, "y4": y1, "x1": x0, "y1": y0, "x4": x0, "y2": y0 + lean}
    return {"quad": quad, "is_key": key, "row_id": 1, "text": text}


def line(category: str, group: int, *words: dict[str, Any]) -> dict[str, Any]:
    return {"words": list(words), "category": category, "group_id": group}


def receipt(number: int = 7, **changes: Any) -> dict[str, Any]:
    lines = [
        line("menu.nm", 3, word("GULA", 10, 10, 50, 20), word("MURNI", 55, 10, 90, 20)),
        line("menu.price", 3, word("18,182", 120, 10, 160, 20)),
        line("total.total_price", 5, word("Total", 10, 40, 50, 50, key=1), word("20.000", 120, 40, 160, 50)),
    ]
    values = {
        "gt_parse": {"menu": {"nm": "GULA MURNI", "price": "18,182"}, "total": {"total_price": "20.000"}},
        "meta": {
            "version": "1.0.0",
            "split": "train",
            "image_id": number,
            "image_size": {"width": WIDTH, "height": HEIGHT},
        },
        "valid_line": lines,
        "roi": {},
        "repeating_symbol": [],
        "dontcare": [],
    }
    return {**values, **changes}


def archive(tmp_path: Path, *records: Any, split: str = "train") -> Path:
    folder = tmp_path / "CORD" / split / "json"
    folder.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(records):
        data = record if isinstance(record, bytes) else json.dumps(record).encode()
        (folder / f"receipt_{number:05d}.json").write_bytes(data)
    return tmp_path


def read(source: Path, **changes: Any):
    report = Report()
    return list(CordReader(**{"missing_images": "none", **changes}).pages(source, report)), report


def one(source: Path, **changes: Any):
    ((_, page),), report = read(source, **changes)
    return page, report


def test_a_receipt_becomes_a_page(tmp_path, encoded):
    source = archive(tmp_path, receipt())
    (source / "CORD/train/image").mkdir()
    (source / "CORD/train/image/receipt_00000.png").write_bytes(encoded(WIDTH, HEIGHT))
    (source / "CORD/train/image/receipt_00009.png").write_bytes(encoded(WIDTH, HEIGHT))
    page, report = one(source, missing_images="error")
    assert (page.id, page.width, page.height, page.image_format) == ("train_receipt_00000", WIDTH, HEIGHT, "png")
    assert page.words == ("GULA", "MURNI", "18,182", "Total", "20.000")
    assert [(e.label, e.words) for e in page.entities] == [
        ("menu.nm", (0, 1)),
        ("menu.price", (2,)),
        ("total.total_price", (3, 4)),
    ]
    assert page.entities[0].box == (10, 10, 90, 20)
    assert page.lines == ((0, 1), (2,), (3, 4))
    assert page.relations == (Relation(0, 1, "group"),)
    assert page.fields == {
        "menu.nm": ("GULA MURNI",),
        "menu.price": ("18,182",),
        "total.total_price": ("20.000",),
    }
    assert report.kept == {"key words": 1}
    assert report.refused == {"images without an annotation file": 1}
    assert set(CordReader().annotations) == page.annotations


def test_dev_is_validation_and_ids_stay_apart(tmp_path):
    for split in ("test", "dev", "train"):
        archive(tmp_path, receipt(), split=split)
    assert [(split, page.id) for split, page in read(tmp_path)[0]] == [
        ("train", "train_receipt_00000"),
        ("validation", "validation_receipt_00000"),
        ("test", "test_receipt_00000"),
    ]


def parquet(tmp_path: Path, image: bytes, records: list[Any], name: str = "train-00000-of-00001-b4aaeceff1d90ecb"):
    rows = [{"image": {"bytes": image, "path": None}, "ground_truth": json.dumps(record)} for record in records]
    (tmp_path / "data").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / f"{name}.parquet", row_group_size=2)
    return tmp_path


def test_the_hubs_parquet_files_give_the_same_pages(tmp_path, encoded):
    records = [receipt(number) for number in range(3)]
    image = encoded(WIDTH, HEIGHT)
    parquet(tmp_path, image, records)
    parquet(tmp_path, image, [receipt(0)], "validation-00000-of-00001-cc3c5779fe22e8ca")
    pages, _ = read(tmp_path, missing_images="error")
    ids = [f"train_receipt_0000{n}" for n in range(3)] + ["validation_receipt_00000"]
    assert [page.id for _, page in pages] == ids and pages[-1][0] == "validation"
    assert pages[0][1].image == image
    ((_, other), *_), _ = read(archive(tmp_path / "archive", *records))
    assert pages[0][1].to_json() == other.to_json()


def test_leaning_words_are_boxed_by_all_four_corners(tmp_path):
    lines = [line("menu.nm", 1, word("A", 10, 30, 50, 40, lean=-20), word("B", 10, 50, 50, 60, lean=20))]
    page, _ = one(archive(tmp_path, receipt(valid_line=lines)))
    assert page.word_boxes.tolist() == [[10, 10, 50, 40], [10, 50, 50, 80]]


def test_words_beyond_the_image_are_cut_or_refused(tmp_path, refusal):
    lines = [line("menu.nm", 1, word("A", -5, 10, 50, 20), word("B", 60, 90, 80, 104))]
    source = archive(tmp_path, receipt(valid_line=lines))
    page, report = one(source)
    assert page.word_boxes.tolist() == [[0, 10, 50, 20], [60, 90, 80, 100]]
    assert page.entities[0].box == (0, 10, 80, 100)
    assert report.repaired == {"boxes cut at the page's border": 2}
    assert refusal(CordReader(missing_images="none", repair="none"), source) == (
        'DIR/CORD/train/json/receipt_00000.json, line 0, word 0 "A": box (-5, 10, 50, 20) is outside the page of '
        "200 × 100. data.reader.repair=clip cuts it at the border (counted)."
    )


def test_odd_words_and_lines_are_counted(tmp_path):
    lines = [
        line("menu.nm", 1, word("", 10, 10, 50, 20)),
        line("menu.price", 1, word("Rp 51.000", 60, 10, 90, 20)),
        line("menu.tip", 1, word("x", 10, 30, 20, 40)),
        line("menu.nm", 2),
    ]
    page, report = one(archive(tmp_path, receipt(valid_line=lines, repeating_symbol=[[{}], [{}]], roi={"x1": -4})))
    assert page.words == ("", "Rp 51.000", "x") and page.lines == ((1,), (2,)) and len(page.entities) == 3
    assert report.kept == {
        "empty words": 1,
        "words with a space inside": 1,
        "lines of a category beyond the 30": 1,
        "pages without their image": 1,
    }
    assert report.refused == {"lines without a word": 1, "regions of interest": 1, "rows of a repeated symbol": 2}


@pytest.mark.parametrize(
    ("parse", "fields"),
    [
        ({"menu": [{"nm": "A"}, {"nm": "B", "sub": {"nm": "C"}}]}, {"menu.nm": ("A", "B"), "menu.sub.nm": ("C",)}),
        (
            {"total": {"total_price": "3", "cashprice": ["1", "2"]}},
            {"total.total_price": ("3",), "total.cashprice": ("1", "2")},
        ),
        ({}, {}),
    ],
)
def test_gt_parse_is_flattened_in_order(tmp_path, parse, fields):
    found = one(archive(tmp_path, receipt(gt_parse=parse)))[0].fields
    assert found == fields and list(found) == list(fields)


def test_version_0_has_no_fields(tmp_path):
    record = receipt()
    del record["gt_parse"]
    assert one(archive(tmp_path, record))[0].fields is None


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (receipt(valid_line=[{"words": []}]), ', line 0: no "category".'),
        (receipt(valid_line=[line("menu.nm", 1, {"text": "A"})]), ', line 0, word 0: no "quad".'),
        (
            receipt(valid_line=[line("menu.nm", 1, {**word("A", 1, 2, 3, 4), "quad": {"x1": 1}})]),
            ', line 0, word 0, quad: no "y1".',
        ),
        (receipt(gt_parse={"menu": {"nm": 5}}), ": gt_parse menu.nm: '5' is no text. Correct the file."),
        (receipt(gt_parse=["A"]), ": \"gt_parse\" is ['A'], not of type dict."),
        (receipt(meta={"image_id": 1}), ', meta: no "image_size".'),
        (b"{", ": not a json file (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))."),
    ],
)
def test_broken_receipts_are_refused(tmp_path, refusal, record, text):
    said = refusal(CordReader(missing_images="none"), archive(tmp_path, record))
    assert said.startswith(f"DIR/CORD/train/json/receipt_00000.json{text}")


def test_what_is_missing_is_named(tmp_path, refusal, encoded):
    assert refusal(CordReader(), tmp_path).startswith("DIR: no CORD here. Expected train/json and train/image")
    source = archive(tmp_path, receipt())
    assert refusal(CordReader(), source).startswith("DIR/CORD/train/image/receipt_00000.png is missing.")
    (source / "CORD/train/image").mkdir()
    (source / "CORD/train/image/receipt_00000.png").write_bytes(encoded(90, 90))
    assert "the image is 90 × 90, its annotations speak of 200 × 100" in refusal(CordReader(), source)


def test_broken_parquet_files_are_refused(tmp_path, refusal, encoded):
    file = parquet(tmp_path, encoded(WIDTH, HEIGHT), [receipt()]) / "data/train-00000-of-00001-b4aaeceff1d90ecb.parquet"
    data = file.read_bytes()
    file.write_bytes(data[:-20])
    assert refusal(CordReader(), tmp_path).startswith(f"DIR/data/{file.name}: not a parquet file (")
    pq.write_table(pa.table({"image": ["x"]}), file)
    assert refusal(CordReader(), tmp_path) == (
        f"DIR/data/{file.name}: no column ground_truth; CORD has image and ground_truth."
    )
    pq.write_table(pa.table({"image": ["x"], "ground_truth": ["{}"]}), file)
    assert refusal(CordReader(), tmp_path) == (f"DIR/data/{file.name}, row 0: \"image\" is 'x', not of type dict.")


@given(seed=st.integers(0, 10**6))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, damaged, dumped, survives):
    survives(CordReader(missing_images="none"), archive(tmp_path, dumped(damaged(receipt(), seed), seed)))


@pytest.mark.real_data
def test_genuine_receipts(real_data):
    """100 of the 800 training receipts."""
    pages, report = read(real_data / "cord" / "v1_json")
    assert len(pages) == 100 and len(CATEGORIES) == len(set(CATEGORIES)) == 30
    labels = Counter(item.label for _, page in pages for item in page.entities)
    assert sum(labels.values()) == 1_388 and set(labels) <= set(CATEGORIES)
    assert labels["sub_total.subtotal_price"] == 77 and labels["void_menu.nm"] == 1
    assert sum(len(page.words) for _, page in pages) == 2_400
    assert report.kept["empty words"] == 1, "receipt_00253"
    assert report.repaired == {"boxes cut at the page's border": 4}, "of 00219 and 00222"
    by_id = {page.id: page for _, page in pages}
    assert set(by_id["train_receipt_00692"].fields) >= {"menu.nm", "sub_total.subtotal_price"}
    assert by_id["train_receipt_00222"].word_boxes[:, 0].min() == 0
    assert any(not page.words[i].strip() for page in [by_id["train_receipt_00253"]] for i in range(len(page.words)))


@pytest.mark.real_data
def test_the_genuine_receipt_of_version_0(real_data):
    page, report = one(real_data / "cord" / "CORD_v0", missing_images="error")
    assert (page.width, page.height, page.image_format, page.fields) == (864, 1296, "png", None)
    assert len(page.entities) == 93 and report.repaired == {}
