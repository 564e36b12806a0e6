"""Whatever is wrong with a download, its reader gives valid pages or one DocexpError."""

import io
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.page import Page
from docexp.documents.readers.coco import CocoReader
from docexp.documents.readers.docbank import DocbankReader
from docexp.documents.readers.doclaynet import DoclaynetReader
from docexp.documents.readers.kleister import KleisterReader
from docexp.documents.readers.publaynet import PublaynetReader
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.readers.readingbank import ReadingbankReader
from docexp.documents.readers.rvl_cdip import RvlCdipReader
from docexp.documents.readers.table_html import FintabnetReader, PubTabNetReader
from docexp.documents.readers.tablebank import TablebankReader
from docexp.documents.readers.voc import VocReader
from docexp.errors import DocexpError


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (40, 30), 255).save(file, "PNG")
    return file.getvalue()


def _jpg() -> bytes:
    file = io.BytesIO()
    Image.new("L", (40, 30), 255).save(file, "JPEG")
    return file.getvalue()


def _coco(name: str, **more: Any) -> bytes:
    image = {"id": 7, "file_name": name, "width": 40, "height": 30, "precedence": 0}
    box = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1.5, 2, 10, 8], "area": 70, "iscrowd": 0, "precedence": 0}
    polygon = {**box, "id": 2, "segmentation": [[1, 2, 11, 2, 11, 10, 1, 10]]}
    return json.dumps(
        {"images": [image | more], "annotations": [box, polygon], "categories": [{"id": 2, "name": "table"}]}
    ).encode()


DOCBANK = b"a\t1\t2\t30\t40\t0\t0\t0\tF\tparagraph\r\n##LTLine##\t1\t1\t1\t9\t0\t0\t0\t-\ttable\r\n"
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 40]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 33>>stream\nBT /F 9 Tf 5 20 Td (Ab cd) Tj ET   \nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n"
)
VOC = b"""<annotation><filename>a b, c.jpg</filename><size><width>40</width><height>30</height></size>
<object><name>table</name><bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object>
</annotation>"""
CELLS = [{"tokens": ["<b>", "4", " ", "2", "</b>"], "bbox": [2, 3, 12, 9]}, {"tokens": []}]
TABLE = {"filename": "PMC1_0.png", "split": "train", "html": {"cells": CELLS}}
FIN_TABLE = {**TABLE, "table_id": 3, "bbox": [1, 1, 30, 20], "filename": "A/2001/p.pdf"}
TEXT = {"src": "a b", "tgt": "b a", "tgt_index": [1, 0], "original_filename": "d", "page_idx": 0}
LAYOUT = {"src": [[1, 2, 3, 4], [5, 6, 7, 8]], "tgt": [[5, 6, 7, 8], [1, 2, 3, 4]]}
COCO_CELLS = {
    "metadata": {"coco_width": 40, "coco_height": 30},
    "cells": [{"bbox": [1, 2, 20, 5], "text": "one two"}],
}
DOWNLOADS: dict[str, tuple[Reader, dict[str, bytes]]] = {
    "coco": (CocoReader(train=["t.json"]), {"t.json": _coco("a.png"), "a.png": _png()}),
    "publaynet": (
        PublaynetReader(validation=[], test_images="keep"),
        {"train.json": _coco("PMC1_2.jpg"), "train/PMC1_2.jpg": _jpg(), "test/PMC9_0.jpg": _jpg()},
    ),
    "tablebank": (
        TablebankReader(train=["t.json"], validation=[], test=[]),
        {"t.json": _coco("%20a_1.jpg"), "Detection/images/%20a_1.jpg": _jpg()},
    ),
    "doclaynet": (
        DoclaynetReader(validation=[], test=[]),
        {
            "COCO/train.json": _coco("h.png", collection="c", doc_name="d.pdf", page_no=3),
            "PNG/h.png": _png(),
            "JSON/h.json": json.dumps(COCO_CELLS).encode(),
        },
    ),
    "voc": (VocReader(validation=None, test=None), {"train/x.xml": VOC, "images/a b, c.jpg": _jpg()}),
    "pubtabnet": (
        PubTabNetReader(tables=["t.jsonl"]),
        {"t.jsonl": json.dumps(TABLE).encode() + b"\n", "train/PMC1_0.png": _png()},
    ),
    "fintabnet": (FintabnetReader(tables=["t.jsonl"]), {"t.jsonl": json.dumps(FIN_TABLE).encode()}),
    "docbank": (
        DocbankReader(texts=".", images=".", validation=None, test=None, train="list.txt"),
        {
            "1.tar_2.gz_x_0.txt": DOCBANK,
            "1.tar_2.gz_x_0_ori.jpg": _jpg(),
            "list.txt": b"1.tar_2.gz_x_0.txt\r\n",
        },
    ),
    "rvl_cdip": (
        RvlCdipReader(),
        {"labels/train.txt": b"imagesa/a/b/c/abc00/1+-2.tif 3\n", "images/imagesa/a/b/c/abc00/1+-2.tif": _png()},
    ),
    "class_folders": (
        RvlCdipReader(),
        {"train.json": b'{"label":"email","path_img":"email\\\\d.png\\n"}\n', "email/d.png": _png()},
    ),
    "readingbank": (
        ReadingbankReader(validation=None, test=None),
        {"train/a-text.json": json.dumps(TEXT).encode(), "train/a-layout.json": json.dumps(LAYOUT).encode()},
    ),
    "kleister": (
        KleisterReader(dpi=72),
        {
            "train/in.tsv.xz": lzma.compress(b"f.pdf\tparty term\ttext \\n more\tx\tx\tx\n"),
            "train/expected.tsv": b"party=A_B party=C term=2_years\n",
            "documents/f.pdf": PDF,
        },
    ),
}
ODD = [None, True, -1, 0, 10**400, 2**60, 1e308, float("nan"), "", "x", "\ud800", "../../x", "a\0b", "n" * 300, [], {}]


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


@pytest.mark.parametrize("name", DOWNLOADS)
def test_an_undamaged_download_is_read(tmp_path: Path, name: str) -> None:
    reader, files = DOWNLOADS[name]
    pages = list(reader.pages(_write(tmp_path, files), Report()))
    assert len(pages) == (2 if name == "publaynet" else 1)
    carried = {kind for _, page in pages for kind in page.annotations}
    assert carried == set(reader.annotations)


def _changed(value: Any, random: Any) -> Any:
    """A json value with one of its parts, or all of it, replaced, dropped or doubled."""
    if isinstance(value, list | dict) and value and random.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = random.choice(keys)
        changed = dict(value) if isinstance(value, dict) else list(value)
        if random.random() < 0.2:
            del changed[key]
        elif isinstance(changed, list) and random.random() < 0.2:
            changed.append(changed[key])
        else:
            changed[key] = _changed(changed[key], random)
        return changed
    return random.choice(ODD)


def _damaged(name: str, data: bytes, random: Any) -> bytes:
    if name.endswith((".json", ".jsonl")) and random.random() < 0.7:
        return json.dumps(_changed(json.loads(data), random)).encode()
    if name.endswith(".xz"):
        if random.random() < 0.7:
            return lzma.compress(_spliced(lzma.decompress(data), random))
    elif name.endswith((".xml", ".txt", ".tsv")) and random.random() < 0.5:
        number = random.choice([b"-5", b"nan", b"1e400", b"99999999999999999999", b"", b"=", b"\t", b" "])
        at = random.choice([i for i, byte in enumerate(data) if chr(byte) in "0123456789=\t "])
        return data[:at] + number + data[at + 1 :]
    return _spliced(data, random)


def _spliced(data: bytes, random: Any) -> bytes:
    start = random.randrange(len(data) + 1)
    stop = min(len(data), start + random.choice([0, 1, 1, 4, 1000]))
    return data[:start] + random.randbytes(random.choice([0, 1, 3])) + data[stop:]


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_damaged_download_gives_pages_or_one_error(tmp_path_factory: Any, name: str) -> None:
    reader, files = DOWNLOADS[name]
    folder = tmp_path_factory.mktemp(name)

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(sorted(files)), st.randoms(use_true_random=False))
    def check(victim: str, random: Any) -> None:
        _write(folder, {**files, victim: _damaged(victim, files[victim], random)})
        try:
            for split, page in reader.pages(folder, Report()):
                assert split in ("train", "validation", "test") and isinstance(page, Page)
        except DocexpError as error:
            assert 1 <= len(str(error).splitlines()) <= 2 and len(str(error)) < 600, error

    check()
