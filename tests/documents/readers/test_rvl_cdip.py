"""RVL-CDIP: its lists and tree, absent and unreadable images, and the form sorted into class folders."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.documents.readers.reader import Report
from docexp.documents.readers.rvl_cdip import CLASSES, RvlCdipReader

NAME = "imagesr/r/g/e/rge31d00/503210033+-0034.tif"


def tif() -> bytes:
    file = io.BytesIO()
    Image.new("L", (75, 100), 255).save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


def download(folder: Path, *lines: str) -> Path:
    (folder / "labels").mkdir()
    for name in ("train", "val", "test"):
        (folder / f"labels/{name}.txt").write_text("".join(line + "\n" for line in lines) if name == "val" else "")
    (folder / "images" / NAME).parent.mkdir(parents=True)
    (folder / "images" / NAME).write_bytes(tif())
    return folder


def read(source: Path, **settings: Any):
    report = Report()
    return list(RvlCdipReader(**settings).pages(source, report)), report


def test_a_line_becomes_a_page_without_words_whose_folder_is_its_document(tmp_path):
    pages, report = read(download(tmp_path, f"{NAME} 3"))
    split, page = pages[0]
    assert (split, page.id, page.document_id) == ("validation", "rge31d00/503210033+-0034", "rge31d00")
    assert (page.document_class, page.words, page.lines) == ("handwritten", (), None)
    assert (page.width, page.height, page.image_format, page.image) == (75, 100, "tif", tif())
    assert (report.kept, report.refused) == ({}, {})


def test_a_missing_image_is_refused_or_left_out_and_counted(tmp_path, refusal):
    source = download(tmp_path, f"{NAME} 3", "imagesa/a/b/c/abc00/1.tif 0", "imagesa/a/b/c/abd00/2.tif 15")
    assert refusal(RvlCdipReader(), source) == (
        "DIR/labels/val.txt, line 2: DIR/images/imagesa/a/b/c/abc00/1.tif is missing. "
        "data.reader.missing_images=leave_out leaves such pages out (counted)."
    )
    pages, report = read(source, missing_images="leave_out")
    assert len(pages) == 1 and report.refused == {"pages whose image is missing": 2}


def test_an_unreadable_image_is_refused_or_left_out_and_counted(tmp_path, refusal):
    source = download(tmp_path, f"{NAME} 3")
    (source / "images" / NAME).write_bytes(b"II*\0" + bytes(40))
    text = refusal(RvlCdipReader(), source)
    assert "503210033+-0034.tif: its image does not decode (" in text
    assert text.endswith(". data.reader.unreadable_images=leave_out leaves such pages out (counted).")
    assert read(source, unreadable_images="leave_out")[1].refused == {"pages whose image does not decode": 1}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{NAME} 16", 'class "16" is no number from 0 to 15.'),
        (f"{NAME} 0003", 'class "0003" is no number from 0 to 15.'),
        (f"{NAME}", f'class "{NAME[:20]}" is no number from 0 to 15.'),
        ("../secret/x.tif 1", "'../secret/x.tif' is no file inside DIR/images. Correct it."),
        ("x.tif 1", "x.tif names no folder. Take the list from the archive."),
    ],
)
def test_a_faulty_line_is_refused(tmp_path, refusal, line, text):
    assert refusal(RvlCdipReader(), download(tmp_path, line)) == f"DIR/labels/val.txt, line 1: {text}"


def test_a_folder_without_lists_is_refused_and_a_missing_list_counted(tmp_path, refusal):
    assert refusal(RvlCdipReader(), tmp_path) == (
        "DIR: no RVL-CDIP here. Expected labels/train.txt, val.txt, test.txt, and images."
    )
    (download(tmp_path, f"{NAME} 3") / "labels/train.txt").unlink()
    assert read(tmp_path)[1].refused == {"splits without a list of labels": 1}


def test_class_folders_with_windows_paths_and_a_newline_inside(tmp_path):
    (tmp_path / "train.json").write_text('{"label": "email", "path_img": "email\\\\doc_1.png\\n"}\n')
    (tmp_path / "dev.json").write_text("\n")
    (tmp_path / "email").mkdir()
    (tmp_path / "email/doc_1.png").write_bytes(tif())
    pages, report = read(tmp_path)
    assert [(split, page.id, page.document_id, page.document_class) for split, page in pages] == [
        ("train", "email/doc_1", "email/doc_1", "email")
    ], "a class folder is no document"
    assert report.refused == {"splits without a list of labels": 1}


@pytest.mark.real_data
def test_genuine_lists_and_images(real_data):
    pages, report = read(real_data / "rvl_cdip", missing_images="leave_out")
    assert Counter(split for split, _ in pages) == {"validation": 8, "test": 8}
    assert report.refused == {"splits without a list of labels": 1, "pages whose image is missing": 1996}
    units = list(RvlCdipReader().units(real_data / "rvl_cdip", Report()))
    assert len(units) == 2012 and {unit.document_class for unit in units} == set(CLASSES)
    assert len({unit.parts[-2] for unit in units}) == 2012, "no folder holds two images here"


@pytest.mark.real_data
def test_genuine_class_folders(real_data):
    pages, _ = read(real_data / "rvl_cdip/class_folders")
    assert Counter((split, page.document_class) for split, page in pages) == {
        ("train", "email"): 8,
        ("train", "paper"): 8,
    }
