"""Tars of documents with images and OCR, made as OCR-IDL's are."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.images import decode
from docexp.documents.readers.ocr_idl import OcrIdlReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.adopt import index_tars
from docexp.shards.index import SetFacts


def picture(kind: str, *numbers: int) -> bytes:
    grey = [
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (100, 200), dtype=np.uint8))
        for number in numbers
    ]
    data = io.BytesIO()
    grey[0].save(data, kind, **({"save_all": True, "append_images": grey[1:]} if len(grey) > 1 else {}))
    return data.getvalue()


def ocr(pages: int, **changes) -> bytes:
    boxes = [[0.1, 0.1, 0.45, 0.2], [0.1, 0.5, 0.2, 0.2]]
    page = {"text": ["Total: 12", "paid"], "bbox": boxes, "poly": [], "score": [0.9, 0.9]} | changes
    return json.dumps({"pages": [page] * pages}).encode()


def tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def read(source: Path, **options):
    report = Report()
    return list(OcrIdlReader(**options).pages(source, report)), report


def refusal(source: Path, members: dict[str, bytes]) -> str:
    tar(source / "idl-train-00000.tar", members)
    with pytest.raises(DocexpError) as caught:
        read(source)
    return str(caught.value)


def test_documents_of_several_tiff_pages_become_pages(tmp_path):
    members = {"ffbb0127.json": ocr(2), "ffbb0127.ocr": b"Total 12", "ffbb0127.pdf": b""}
    members |= {"ffbb0127.tif": picture("tiff", 1, 2)}
    members |= {"d/hskg0062.tif": picture("tiff", 3), "d/hskg0062.json": ocr(1)}
    path = tar(tmp_path / "idl-train-00000.tar", members)
    tar(tmp_path / "more" / "idl-val-00000.tar", {"x.json": ocr(1, text=[], bbox=[]), "x.png": picture("png", 4)})
    pages, report = read(tmp_path)
    assert [(split, page.id, page.document_id, page.number) for split, page in pages] == [
        ("train", "ffbb0127_1", "ffbb0127", 0),
        ("train", "ffbb0127_2", "ffbb0127", 1),
        ("train", "d/hskg0062_1", "d/hskg0062", 0),
        ("validation", "x_1", "x", 0),
    ]
    first = pages[0][1]
    assert first.words == ("Total:", "12", "paid") and first.lines == ((0, 1), (2,))
    np.testing.assert_allclose(first.word_boxes, [[20, 10, 80, 30], [90, 10, 110, 30], [20, 50, 60, 70]])
    second = np.array(Image.open(io.BytesIO(picture("png", 2))))
    assert np.array_equal(np.array(decode(pages[1][1]).convert("L")), second)
    assert report.lines() == [
        "kept, with a note: 1 page without words",
        "repaired: 2 pages of TIFF files stored as png · 3 texts of several words cut at their spaces",
    ]
    with pytest.raises(DocexpError) as caught:
        index_tars(path, tmp_path / "index", SetFacts(name="idl", licence="none", command="docexp data index"))
    assert str(caught.value) == (
        f"{path}, sample ffbb0127: its .json is no page record but OCR output (pixparse's json (IDL, PDFA)).\n"
        f"Make shards of it: docexp data prepare data=ocr_idl source={tmp_path} out=DIR"
    )


def test_documents_of_pdf_alone_are_drawn(tmp_path):
    pytest.importorskip("pypdfium2")
    pdf = io.BytesIO()
    black = Image.new("L", (200, 100))
    Image.new("L", (200, 100), 90).save(pdf, "pdf", resolution=72, save_all=True, append_images=[black])
    tar(tmp_path / "pdfa-train-0.tar", {"a.pdf": pdf.getvalue(), "a.json": ocr(2)})
    pages, _ = read(tmp_path, dpi=144)
    assert [(page.width, page.height, page.image_format) for _, page in pages] == [(400, 200, "png")] * 2
    grey = [np.array(decode(page)).mean() for _, page in pages]
    assert abs(grey[0] - 90) < 3 and grey[1] < 3
    np.testing.assert_allclose(pages[0][1].word_boxes[2], [40, 100, 120, 140])
    assert "its PDF cannot be opened" in refusal(tmp_path / "b", {"a.pdf": b"%PDF-1.4", "a.json": ocr(2)})


def test_faulty_documents_are_refused_or_left_out_whole(tmp_path):
    image = picture("tiff", 1, 2)
    where = f"{tmp_path / 'idl-train-00000.tar'}, sample a"
    for members, said in [
        ({"a.tif": image, "a.json": ocr(3)}, f"{where}: OCR pages: 3, pages of its image: 2."),
        ({"a.tif": image, "a.json": ocr(1)}, f"{where}: OCR pages: 1, pages of its image: 2."),
        ({"a.tif": image}, f"{where}: no .json with its OCR, only .tif."),
        ({"a.json": ocr(1)}, f"{where}: no image (.tif, .png, .jpg, .webp) and no .pdf."),
        ({"a.tif": b"x", "a.json": ocr(1)}, f"{where}: its image does not decode"),
        ({"a.tif": image, "a.json": b"{}"}, f"{where}: no OCR output that docexp knows: "),
        ({"a.tif": image, "a.json": ocr(2, bbox=[[0, 0, 1, 1]])}, f'{where}, page 1: "bbox": 2 texts but 1 boxes.'),
    ]:
        assert refusal(tmp_path, members).startswith(said)
    tar(tmp_path / "idl-train-00000.tar", {"a.tif": image, "a.json": ocr(3), "b.tif": image, "b.json": ocr(2)})
    pages, report = read(tmp_path, faults="leave_out")
    assert [page.id for _, page in pages] == ["b_1", "b_2"]
    assert report.lines() == [
        "repaired: 2 pages of TIFF files stored as png · 2 texts of several words cut at their spaces",
        "left out: 1 document with a fault",
    ]


def test_folders_without_tars_or_splits_are_refused(tmp_path):
    with pytest.raises(DocexpError, match="no tar files, such as idl-train"):
        read(tmp_path)
    path = tar(tmp_path / "00000.tar", {"a.png": picture("png", 1), "a.json": ocr(1)})
    with pytest.raises(DocexpError, match=f"{path}: its name tells no split. Give data.reader.split=train."):
        read(tmp_path)
    assert [split for split, _ in read(tmp_path, split="test")[0]] == ["test"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_tars_give_pages_or_a_refusal(tmp_path, data):
    small = io.BytesIO()
    Image.new("L", (20, 10), 255).save(small, "png")
    path = tar(tmp_path / "idl-train-00000.tar", {"a.json": ocr(1), "a.png": small.getvalue()})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        pages, _ = read(tmp_path)
    except DocexpError as error:
        assert str(path) in str(error)
        return
    assert all(page.words for _, page in pages)
