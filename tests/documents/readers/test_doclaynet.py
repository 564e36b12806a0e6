"""DocLayNet: redundant annotations, boxes beyond the page, and the words of its text cells."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docexp.documents.readers.doclaynet import LABELS, DoclaynetReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

SIZE = 205


def download(folder: Path, annotations: list[Any], cells: list[Any] | None = None, **changes: Any) -> Path:
    record = {"id": 0, "file_name": "ab.png", "width": SIZE, "height": SIZE, "collection": "reports"}
    record |= {"doc_name": "A.pdf", "page_no": 20, "precedence": 0, "doc_category": "x"} | changes
    categories = [{"id": n + 1, "name": name} for n, name in enumerate(LABELS)]
    for name in ("COCO", "PNG", *(["JSON"] if cells is not None else [])):
        (folder / name).mkdir()
    data = {"images": [record], "annotations": annotations, "categories": categories}
    (folder / "COCO/test.json").write_text(json.dumps(data))
    file = io.BytesIO()
    Image.new("L", (SIZE, SIZE), 255).save(file, "PNG")
    (folder / "PNG/ab.png").write_bytes(file.getvalue())
    if cells is not None:
        metadata = {"original_width": 612, "original_height": 792, "coco_width": 1025, "coco_height": 1025}
        (folder / "JSON/ab.json").write_text(json.dumps({"metadata": metadata, "cells": cells}))
    return folder


def box(*bbox: float, **changes: Any) -> dict[str, Any]:
    return {"id": 3, "image_id": 0, "category_id": 10, "bbox": list(bbox), "iscrowd": 0, "precedence": 0, **changes}


def read(source: Path, **settings: Any):
    report = Report()
    return list(DoclaynetReader(train=[], validation=[], **settings).pages(source, report)), report


def test_redundant_annotations_are_left_out_and_slight_overhang_is_cut(tmp_path):
    found = [box(1, -0.49, 10, 10), box(1, 1, 10, 10, precedence=1), box(1, 1, 10, 10, category_id=11)]
    pages, report = read(download(tmp_path, found))
    assert [(r.label, r.box) for r in pages[0][1].regions or ()] == [
        ("Text", (1, 0, 11, 9.51)),
        ("Title", (1, 1, 11, 11)),
    ]
    assert report.refused == {"redundant regions (precedence above 0)": 1}
    assert report.repaired == {"boxes cut at the page's border": 1}
    assert (pages[0][1].document_id, pages[0][1].number) == ("reports/A.pdf", 19)


def test_a_redundant_page_is_left_out(tmp_path):
    pages, report = read(download(tmp_path, [box(1, 1, 10, 10)], precedence=2))
    assert pages == [] and report.refused == {"redundant pages (precedence above 0)": 1}


def test_text_cells_become_lines_of_words_in_the_frame_of_the_image(tmp_path):
    cells = [{"bbox": [100, 50, 500, 25], "text": "one two "}, {"bbox": [0, 0, 10, 10], "text": " "}]
    pages, report = read(download(tmp_path, [], cells))
    page = pages[0][1]
    assert page.words == ("one", "two") and page.lines == ((0, 1),)
    expected = [[20, 10, 20 + 300 / 7, 15], [20 + 400 / 7, 10, 120, 15]]
    assert np.allclose(page.word_boxes, expected), "1025 becomes 205, and a word's share is its letters'"
    assert report.kept["words with a share of their text cell's box"] == 2
    assert report.refused == {"text cells without visible text": 1}


def test_a_page_without_its_text_file_is_refused(tmp_path):
    source = download(tmp_path, [], [])
    (source / "JSON/ab.json").unlink()
    with pytest.raises(DocexpError, match=r"JSON/ab\.json is missing\. Is the extra archive fully unpacked\?"):
        read(source)


@pytest.mark.real_data
def test_genuine_records(real_data):
    reader = DoclaynetReader(train=[], validation=[], test=["COCO/test_doclaynet.json"], missing_images="blank")
    report = Report()
    pages = [page for _, page in reader.pages(real_data / "doclaynet", report)]
    assert [(page.width, page.height, len(page.regions)) for page in pages] == [(1025, 1025, 5), (1025, 1025, 12)]
    assert report.kept == {"pages on blank paper for want of their image": 2}
    with pytest.raises(DocexpError, match=r"c0dc81.*is missing.*missing_images=none or blank"):
        next(DoclaynetReader(train=[], validation=[], test=reader.test).pages(real_data / "doclaynet", Report()))
