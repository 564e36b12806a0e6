"""Folders of images with OCR files: which belong together, what becomes of pages without, TIFFs of several pages."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.images import decode
from docexp.documents.page import Page
from docexp.documents.readers.iit_cdip import IitCdipReader
from docexp.documents.readers.image_folder import ImageFolderReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

SIZE = (200, 100)


def pixels(number: int = 0) -> Image.Image:
    grey = np.random.default_rng(number).integers(0, 255, (SIZE[1], SIZE[0]), dtype=np.uint8)
    return Image.fromarray(grey)


def write(file: Path, *pages: Image.Image, **options) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = pages or (pixels(),)
    first.save(file, **({"save_all": True, "append_images": rest} if rest else {}), **options)
    return file


def read(source: Path, reader: type[ImageFolderReader] = ImageFolderReader, **options):
    report = Report()
    return list(reader(**options).pages(source, report)), report


def refusal(source: Path, **options) -> str:
    with pytest.raises(DocexpError) as caught:
        read(source, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.tsv", "a.hocr", "a.xml", "a.json", "a.tesseract.tsv", "a.png.json"])
def test_an_image_takes_the_ocr_of_its_name(tmp_path, ocr_samples, name):
    image = write(tmp_path / "a.png")
    kind = "a.tsv" if name.endswith("tsv") else "a.json" if name.endswith("json") else name
    (tmp_path / name).write_text(ocr_samples.files[kind])
    [(split, page)], report = read(tmp_path)
    assert (split, page.id, page.document_id, page.number) == ("train", "a", "a", 0)
    assert (page.width, page.height, page.words, page.lines) == (200, 100, ocr_samples.words, ocr_samples.lines)
    np.testing.assert_allclose(page.word_boxes, ocr_samples.boxes)
    assert page.image == image.read_bytes() and page.image_format == "png"
    assert report.lines() == []


def test_of_several_engines_one_is_chosen(tmp_path, ocr_samples):
    write(tmp_path / "a.png")
    for engine in ("read", "tesseract"):
        (tmp_path / f"a.{engine}.tsv").write_text(ocr_samples.files["a.tsv"].replace("paid", engine))
    assert "several OCR files (a.read.tsv, a.tesseract.tsv). Give data.reader.engine=NAME" in refusal(tmp_path)
    [(_, page)], _ = read(tmp_path, engine="tesseract")
    assert page.words[2] == "tesseract"


def test_lines_of_text_are_cut_into_words_by_their_letters(tmp_path):
    write(tmp_path / "a.png")
    words = ["Total: 12", " ", "on end", "paid"]
    boxes = [[10, 0, 100, 10], [0, 0, 1, 1], [0, 10, 10, 90], [10, 20, 50, 30]]
    (tmp_path / "a.json").write_text(json.dumps({"words": words, "boxes": boxes, "lines": [[0, 1], [2], [3]]}))
    [(_, page)], report = read(tmp_path)
    assert page.words == ("Total:", "12", "on", "end", "paid")
    assert page.word_boxes.tolist() == [
        [10, 0, 70, 10],
        [80, 0, 100, 10],
        [0, 10, 10, 90],
        [0, 10, 10, 90],
        [10, 20, 50, 30],
    ]
    assert page.lines == ((0, 1), (2, 3), (4,))
    assert report.lines() == [
        "repaired: 2 texts of several words cut at their spaces",
        "left out: 1 blank text of OCR",
    ]


def test_each_page_of_a_tiff_is_a_page_without_loss(tmp_path, ocr_samples):
    frames = [pixels(0).convert("1"), pixels(1), pixels(2).convert("RGB"), pixels(3).convert("CMYK")]
    write(tmp_path / "a.tif", *frames)
    tsv = ocr_samples.files["a.tsv"].rstrip().split("\n")
    rows = [line.replace("\t1", f"\t{n}", 1) for n in range(2, 5) for line in tsv[1:]]
    (tmp_path / "a.tsv").write_text("\n".join(tsv + rows))
    pages, report = read(tmp_path)
    assert [(page.id, page.document_id, page.number) for _, page in pages] == [(f"a#{n + 1}", "a", n) for n in range(4)]
    assert all(page.words == ocr_samples.words and page.image_format == "png" for _, page in pages)
    for frame, (_, page) in zip(frames, pages, strict=True):
        assert np.array_equal(np.array(decode(page)), np.array(frame.convert("RGB")))
    assert report.lines() == ["repaired: 4 pages of TIFF files stored as png · 1 page whose colours became RGB"]
    (tmp_path / "a.tsv").write_text("\n".join(tsv))
    assert refusal(tmp_path) == f"{tmp_path / 'a.tsv'}: OCR pages: 1, pages of its image: 4."


def test_a_tiff_of_one_page_stays_as_it_is(tmp_path):
    image = write(tmp_path / "a.tif", compression="tiff_lzw")
    [(_, page)], _ = read(tmp_path, without_ocr="keep")
    assert page.image == image.read_bytes() and page.image_format == "tif"


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        ("image", ["train/d/x_1", "train/d/x_2", "train/d/x_10", "train/d/y"]),
        ("name", ["train/d/x", "train/d/x", "train/d/x", "train/d/y"]),
        ("folder", ["train/d", "train/d", "train/d", "train/d"]),
    ],
)
def test_documents_are_images_names_or_folders(tmp_path, document, ids):
    for name in ("x_1", "x_10", "x_2", "y"):
        write(tmp_path / "train" / "d" / f"{name}.png")
    pages, _ = read(tmp_path, document=document, split="folders", without_ocr="keep")
    assert [page.id for _, page in pages] == ["train/d/x_1", "train/d/x_2", "train/d/x_10", "train/d/y"]
    assert [page.document_id for _, page in pages] == ids
    numbers = {"image": [0, 0, 0, 0], "name": [0, 1, 2, 0], "folder": [0, 1, 2, 3]}
    assert [page.number for _, page in pages] == numbers[document]


def test_pages_of_a_document_go_by_their_numbers(tmp_path):
    for name in ("x-2", "x_1", "x_010", "x_9"):
        write(tmp_path / f"{name}.png")
    pages, _ = read(tmp_path, document="name", without_ocr="keep")
    assert [page.id for _, page in pages] == ["x_1", "x-2", "x_9", "x_010"]


def test_one_ocr_file_may_hold_a_whole_document(tmp_path, ocr_samples):
    for name in ("x-1", "x-2"):
        write(tmp_path / f"{name}.png")
    record = json.loads(ocr_samples.files["a.json"])
    (tmp_path / "x.json").write_text(json.dumps([record, record | {"words": ["a", "b", "c"]}]))
    (tmp_path / "index.json").write_text("{}")
    pages, report = read(tmp_path, document="name")
    assert [page.words for _, page in pages] == [ocr_samples.words, ("a", "b", "c")]
    assert report.lines() == ["left out: 1 OCR file without an image"]
    (tmp_path / "x.json").write_text(json.dumps([record] * 3))
    assert refusal(tmp_path, document="name") == f"{tmp_path / 'x.json'}: OCR pages: 3, pages of x: 2."
    (tmp_path / "x.json").write_text(json.dumps([record]))
    assert "OCR pages: 1, but its document has more images" in refusal(tmp_path, document="name")


def test_splits_come_from_folders_when_asked(tmp_path):
    for name in ("a/training/x.png", "a/dev/y.png", "test/a/z.png"):
        write(tmp_path / name)
    pages, _ = read(tmp_path, split="folders", without_ocr="keep")
    assert [(split, page.id) for split, page in pages] == [
        ("validation", "a/dev/y"),
        ("train", "a/training/x"),
        ("test", "test/a/z"),
    ]
    write(tmp_path / "other" / "x.png")
    assert "other: the names of its folders tell no split." in refusal(tmp_path, split="folders", without_ocr="keep")


def test_ocr_may_lie_in_a_tree_of_its_own(tmp_path, ocr_samples):
    write(tmp_path / "images" / "d" / "a.png")
    (tmp_path / "ocr" / "d").mkdir(parents=True)
    (tmp_path / "ocr" / "d" / "a.hocr").write_text(ocr_samples.files["a.hocr"])
    [(_, page)], _ = read(tmp_path / "images", ocr_folder=str(tmp_path / "ocr"))
    assert page.words == ocr_samples.words
    assert "is no folder" in refusal(tmp_path / "images", ocr_folder=str(tmp_path / "none"))


def test_pages_without_ocr_are_refused_kept_or_left_out(tmp_path, ocr_samples):
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.png")
    (tmp_path / "a.txt").write_text("Total: 12")
    (tmp_path / "b.json").write_text(ocr_samples.files["a.json"])
    assert refusal(tmp_path) == (
        f"page a: its OCR {tmp_path / 'a.txt'} is plain text, without places. data.reader.without_ocr=keep makes "
        "pages without words, leave_out makes none (counted)."
    )
    pages, report = read(tmp_path, without_ocr="keep")
    assert [len(page.words) for _, page in pages] == [0, 3, 0]
    assert report.lines() == ["kept, with a note: 1 page whose OCR has no places · 1 page without OCR"]
    pages, report = read(tmp_path, without_ocr="leave_out")
    assert [page.id for _, page in pages] == ["b"]
    assert report.lines() == ["left out: 1 page whose OCR has no places · 1 page without OCR"]


def test_faulty_boxes_name_file_and_word_and_are_repaired_when_asked(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "a.json").write_text(json.dumps({"words": ["x"], "boxes": [[190, 0, 210, 10]]}))
    assert refusal(tmp_path) == (
        f"{tmp_path / 'a.json'}, word 0 'x': box (190, 0, 210, 10) is outside the page of 200 × 100. "
        "data.reader.repair=clip cuts it at the border (counted)."
    )
    [(_, page)], report = read(tmp_path, repair="clip")
    assert page.word_boxes.tolist() == [[190, 0, 200, 10]]
    assert report.lines() == ["repaired: 1 box cut at the page's border"]


def test_what_is_no_folder_of_images_is_refused(tmp_path):
    assert "no images (png, jpg, jpeg, tif, tiff, webp) in any folder." in refusal(tmp_path)
    write(tmp_path / "a.png")
    write(tmp_path / "a.jpg")
    assert refusal(tmp_path) == f"{tmp_path}: a.jpg and a.png would be one page id. Keep one of them."
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "a.png").write_bytes(b"no image")
    assert f"{tmp_path / 'a.png'}: its image does not decode" in refusal(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about the damage
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_tiffs_give_pages_or_a_refusal(tmp_path, data):
    image = io.BytesIO()
    pixels(0).resize((20, 10)).save(image, "tiff", save_all=True, append_images=[pixels(1).resize((20, 10))])
    content = bytearray(image.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.tif").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        pages, _ = read(tmp_path, without_ocr="keep")
    except DocexpError as error:
        assert str(tmp_path / "a.tif") in str(error) or "page a" in str(error)
        return
    assert all(isinstance(page, Page) and page.image for _, page in pages)


def test_iit_cdip_has_a_folder_for_each_document(tmp_path, ocr_samples):
    folder = tmp_path / "imagesr" / "r" / "g" / "e" / "rge31d00"
    write(folder / "503210033+-0034.tif", pixels(0), pixels(1))
    write(folder / "503210035.tif", pixels(2))
    plain = "<record><tid>rge31d00</tid><LTDLWOCR><ot>Total 12</ot></LTDLWOCR></record>"
    (folder / "rge31d00.xml").write_text(plain)
    with pytest.raises(DocexpError, match="is plain text, without places"):
        read(tmp_path, IitCdipReader)
    pages, report = read(tmp_path, IitCdipReader, without_ocr="keep")
    place = "imagesr/r/g/e/rge31d00"
    assert [page.id for _, page in pages] == [
        f"{place}/503210033+-0034#1",
        f"{place}/503210033+-0034#2",
        f"{place}/503210035",
    ]
    assert {page.document_id for _, page in pages} == {place}
    assert report.lines()[0] == "kept, with a note: 3 pages whose OCR has no places"
    record = json.loads(ocr_samples.files["a.json"])
    (folder / "rge31d00.xml").unlink()
    (folder / "rge31d00.json").write_text(json.dumps({"pages": [record] * 3}))
    assert sum(len(page.words) for _, page in read(tmp_path, IitCdipReader)[0]) == 9


def test_other_trees_are_no_iit_cdip(tmp_path):
    for name, text in {
        "a.png": "no IIT-CDIP here. Expected imagesa",
        "imagesa/a.png": "the last folder is to be",
    }.items():
        write(tmp_path / name)
        with pytest.raises(DocexpError, match=text):
            read(tmp_path, IitCdipReader)


@pytest.mark.real_data
def test_genuine_images_of_rvl_cdip_in_the_layout_of_iit_cdip(real_data):
    pages, report = read(real_data / "rvl_cdip", IitCdipReader, without_ocr="keep")
    assert len(pages) == 16 and len({page.document_id for _, page in pages}) == 16
    assert report.lines() == ["kept, with a note: 16 pages without OCR"]
