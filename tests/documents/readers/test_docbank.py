"""DocBank: CRLF, pseudo-tokens, glyph codes, names with several dots."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docexp.documents.readers.docbank import LABELS, DocbankReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

STEM = "12.tar_1701.04170.gz_TPNL_v1.2_8"


def row(token: str, *box: Any, label: str = "paragraph") -> str:
    return "\t".join([token, *map(str, box), "0", "0", "0", "ABC+CMR10", label]) + "\r\n"


def download(folder: Path, text: str, *, image: bool = True) -> Path:
    for name in ("txt", "img", "indexed_files"):
        (folder / name).mkdir()
    (folder / "txt" / f"{STEM}.txt").write_bytes(text.encode())
    (folder / "indexed_files/test.txt").write_bytes(f"{STEM}.txt\r\n".encode())
    if image:
        file = io.BytesIO()
        Image.new("L", (170, 220), 255).save(file, "JPEG")
        (folder / "img" / f"{STEM}_ori.jpg").write_bytes(file.getvalue())
    return folder


def read(source: Path, **settings: Any):
    report = Report()
    chosen = {"train": None, "validation": None, "test": "indexed_files/test.txt"} | settings
    reader = DocbankReader(texts="txt", images="img", **chosen)
    return list(reader.pages(source, report)), report


def test_tokens_become_words_in_the_images_pixels_and_runs_of_a_label_entities(tmp_path):
    text = (
        row("A", 100, 50, 200, 100, label="title")
        + row("##LTLine##", 100, 120, 900, 120, label="title")
        + row("word", 100, 200, 300, 250)
        + row("##LTFigure##", 100, 300, 900, 600, label="figure")
        + row("(cid:15)", 310, 200, 310, 250)
        + row("B", 100, 700, 200, 750, label="title")
    )
    pages, report = read(download(tmp_path, text))
    split, page = pages[0]
    assert (split, page.id, page.document_id, page.number) == ("test", STEM, STEM.removesuffix("_8"), 8)
    assert page.words == ("A", "word", "(cid:15)", "B")
    assert np.allclose(page.word_boxes[0], [17, 11, 34, 22]) and (page.width, page.height) == (170, 220)
    assert page.entities is not None
    assert [(e.label, e.words) for e in page.entities] == [("title", (0,)), ("paragraph", (1, 2)), ("title", (3,))]
    assert np.allclose(page.entities[1].box, [17, 44, 52.7, 55])
    assert report.refused == {"##LTLine## tokens": 1, "##LTFigure## tokens": 1}
    assert report.kept == {"words with glyph codes such as (cid:15)": 1, "words without width or height": 1}


def test_a_page_without_its_image_is_refused_or_measured_in_thousandths(tmp_path):
    source = download(tmp_path, row("A", 100, 50, 200, 100), image=False)
    with pytest.raises(DocexpError, match=r"_8_ori\.jpg is missing\. data\.reader\.missing_images=none does without"):
        read(source)
    pages, report = read(source, missing_images="none")
    assert pages[0][1].word_boxes.tolist() == [[100, 50, 200, 100]] and pages[0][1].image is None
    assert report.kept == {"pages of 1000 × 1000 for want of their image": 1}


def test_without_a_list_all_texts_may_be_taken(tmp_path):
    pages, _ = read(download(tmp_path, row("A", 1, 2, 3, 4)), train="*", test=None)
    assert [split for split, _ in pages] == ["train"]
    with pytest.raises(DocexpError, match=r"dev\.txt is missing\. data\.reader\.validation=FILE names the list"):
        read(tmp_path, validation="dev.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\t1\t2\r\n", "3 fields, not 10 with a TAB between. Copy the file again."),
        (row("A", 1, 2, 3, "4.5"), "box 1 2 3 4.5 is not four whole numbers."),
        (row("A", 1, 2, 3, "1" * 30), f"box 1 2 3 {'1' * 30} is not four whole numbers."),
        (row("A", 1, 2, 3, 4, label="paragraphs"), 'label "paragraphs" is none of abstract, author, caption, date,'),
        (row("A", 9, 2, 3, 4), '"A": box (9, 2, 3, 4) has x1 < x0. data.reader.repair=swap turns it round (counted).'),
        (row("A", 1, 2, 3, 1001), '"A": box (1, 2, 3, 1001) is outside the page of 1000 × 1000. data.reader.repair='),
    ],
)
def test_a_faulty_line_is_refused_with_file_and_line(tmp_path, text, message):
    with pytest.raises(DocexpError) as caught:
        read(download(tmp_path, row("ok", 1, 2, 3, 4) + text))
    where, _, rest = str(caught.value).partition("_8.txt, line 2")
    assert where and rest[2:].startswith(message)


@pytest.mark.real_data
def test_genuine_pages(real_data):
    report = Report()
    folders = {"texts": "DocBank_samples", "images": "DocBank_samples"}
    reader = DocbankReader(**folders, train="*", validation=None, test=None)
    pages = [page for _, page in reader.pages(real_data / "docbank", report)]
    assert len(pages) == 20 and len({page.document_id for page in pages}) == 20
    assert {(page.width, page.height) for page in pages} >= {(1700, 2200), (1654, 2339)}
    assert report.refused == {"##LTLine## tokens": 258, "##LTFigure## tokens": 2}
    assert report.kept == {"words with glyph codes such as (cid:15)": 374, "words without width or height": 1}
    labels = [entity.label for page in pages for entity in page.entities or ()]
    assert set(labels) <= set(LABELS) and "date" in labels and not any("\r" in label for label in labels)
    assert all(a.label != b.label for page in pages for a, b in zip(page.entities, page.entities[1:], strict=False))
    assert sum(len(entity.words) for page in pages for entity in page.entities) == sum(len(p.words) for p in pages)
