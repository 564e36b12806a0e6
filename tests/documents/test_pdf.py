"""PDF pages: words where the picture shows them, whatever the page's frame and turn, and errors that say what to do."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from docexp.documents.geometry import union
from docexp.documents.pdf import pdf_pages
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

TEXT = "BT /F 20 Tf 30 60 Td (Total: 12) Tj 0 -30 Td (paid) Tj ET"


def pdf(*contents: str | bytes, page: str = "/MediaBox[0 0 200 100]", font: str = "", extra: str = "") -> bytes:
    """A file of one page for each content stream; pdfium finds objects without a table of them."""
    kids = " ".join(f"{10 + n} 0 R" for n in range(len(contents)))
    parts = [
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        f"2 0 obj<</Type/Pages/Kids[{kids}]/Count {len(contents)}>>endobj".encode(),
        f"3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica {font}>>endobj".encode(),
    ]
    for n, content in enumerate(contents):
        data = content.encode() if isinstance(content, str) else content
        head = f"/Type/Page/Parent 2 0 R {page} /Contents {100 + n} 0 R/Resources<</Font<</F 3 0 R>>>>"
        parts.append(f"{10 + n} 0 obj<<{head}>>endobj".encode())
        parts.append(f"{100 + n} 0 obj<</Length {len(data)}>>stream\n".encode() + data + b"\nendstream endobj")
    return b"\n".join([*parts, f"trailer<</Root 1 0 R {extra}>>".encode()])


def read(folder: Path, data: bytes, *, dpi: float = 144, **settings):
    file, report = folder / "a.pdf", Report()
    file.write_bytes(data)
    return list(pdf_pages(file, report, dpi=dpi, **settings)), report


def refused(folder: Path, data: bytes, **settings) -> str:
    with pytest.raises(DocexpError) as caught:
        read(folder, data, **settings)
    return str(caught.value).replace(str(folder), "DIR")


def ink(image: bytes, box: np.ndarray) -> tuple[float, float]:
    """How much of a picture's ink lies inside a box, and the share of the box's sides that the ink reaches."""
    dark = np.asarray(Image.open(io.BytesIO(image)).convert("L")) < 128
    x0, y0, x1, y1 = np.rint(box + np.array([-1, -1, 1, 1])).astype(int)
    inside = dark[max(y0, 0) : y1, max(x0, 0) : x1]
    places = np.argwhere(inside)
    reach = (places.max(axis=0) - places.min(axis=0) + 1) / inside.shape if len(places) else np.zeros(2)
    return inside.sum() / max(dark.sum(), 1), float(reach.min())


def test_words_lie_where_the_picture_shows_them(tmp_path):
    pages, report = read(tmp_path, pdf(TEXT))
    page = pages[0]
    assert (page.number, page.width, page.height, page.words) == (0, 400, 200, ("Total:", "12", "paid"))
    assert page.image is not None and Image.open(io.BytesIO(page.image)).size == (400, 200)
    assert Image.open(io.BytesIO(page.image)).mode == "L", "a page without colour is stored grey"
    assert ink(page.image, union(page.word_boxes))[0] == 1
    shares = [ink(page.image, box) for box in page.word_boxes]
    assert sum(share for share, _ in shares) == pytest.approx(1, abs=0.01)
    assert all(reach > 0.5 for _, reach in shares), "boxes are about as large as their words"
    assert page.word_boxes[0, 0] == pytest.approx(60, abs=2) and page.word_boxes[0, 3] == pytest.approx(80 + 9, abs=3)
    assert len(set(page.word_boxes[:2, 1])) == len(set(page.word_boxes[:2, 3])) == 1, "words of a line are equally high"
    assert (report.kept, report.repaired, report.refused) == ({}, {}, {})


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90])
@pytest.mark.parametrize(
    "frame", ["/MediaBox[0 0 200 100]", "/MediaBox[-50 20 250 220]/CropBox[20 30 190 95]", "/MediaBox[200 100 0 0]"]
)
def test_turned_and_cropped_pages(tmp_path, rotation, frame):
    pages, _ = read(tmp_path, pdf(TEXT, page=f"{frame}/Rotate {rotation}"))
    page = pages[0]
    assert {"Total:", "12"} <= set(page.words) and page.image is not None
    wide, high = (170, 65) if "Crop" in frame else (200, 100)
    assert (page.width, page.height) == ((2 * wide, 2 * high) if rotation % 180 == 0 else (2 * high, 2 * wide))
    shares = [ink(page.image, box) for box in page.word_boxes]
    assert sum(share for share, _ in shares) == pytest.approx(1, abs=0.02)
    reached = {word: reach for word, (_, reach) in zip(page.words, shares, strict=True)}
    assert min(reached["Total:"], reached["12"]) > 0.5


def test_turned_text(tmp_path):
    pages, _ = read(tmp_path, pdf("BT /F 20 Tf 0 1 -1 0 60 10 Tm (up here) Tj ET"))
    page = pages[0]
    assert page.words == ("up", "here") and page.image is not None
    tall = page.word_boxes[1]
    assert tall[3] - tall[1] > tall[2] - tall[0] and page.word_boxes[0, 1] > tall[1], "text runs upwards"
    assert sum(ink(page.image, box)[0] for box in page.word_boxes) == pytest.approx(1, abs=0.01)


def test_a_word_cut_at_a_lines_end_stays_two_and_ligatures_are_written_out(tmp_path):
    encoding = "/Encoding<</Type/Encoding/Differences[1/fi/ffi]>>"
    content = b"BT /F 20 Tf 10 70 Td (of\\001ce e\\001-) Tj 0 -24 Td (cient) Tj ET"
    pages, _ = read(tmp_path, pdf(content, font=encoding))
    assert pages[0].words == ("office", "efi-", "cient")


def test_characters_beyond_the_first_plane_and_such_without_a_code(tmp_path):
    codes = ("<66> <FB01>", "<67> <D835DC00>", "<68> <DC00>", "<69> <0000>")
    table = " ".join(f"1 beginbfchar {pair} endbfchar" for pair in codes)
    font = f"/ToUnicode 4 0 R>>endobj 4 0 obj<</Length {len(table)}>>stream\n{table}\nendstream endobj 5 0 obj<<"
    pages, report = read(tmp_path, pdf("BT /F 20 Tf 10 70 Td (af g h i b) Tj ET", font=font))
    assert pages[0].words == ("afi", "\U0001d400", "\ufffd", "\ufffd", "b")
    assert report.kept == {"characters without a code": 2}


def test_words_beyond_the_crop_are_left_out_and_those_across_it_cut_and_both_counted(tmp_path):
    pages, report = read(tmp_path, pdf(TEXT, page="/MediaBox[0 0 200 100]/CropBox[0 50 100 100]"))
    assert pages[0].words == ("Total:", "12")
    assert report.refused == {"words beyond the page's edge": 1}
    assert report.repaired == {"boxes cut at the page's border": 1}
    assert pages[0].word_boxes[1, 2] == pages[0].width == 200


def test_only_as_many_pages_as_wanted(tmp_path):
    pages, report = read(tmp_path, pdf(TEXT, "", TEXT), max_pages=2, render=False)
    assert [(page.number, len(page.words), page.image) for page in pages] == [(0, 3, None), (1, 0, None)]
    assert report.refused == {"pages beyond the first of their PDF that were wanted": 1}
    assert report.kept == {"pages without a text layer": 1}


def test_a_coloured_page_keeps_its_colours(tmp_path):
    image = read(tmp_path, pdf("1 0 0 rg 0 0 50 50 re f"))[0][0].image
    assert image is not None
    drawn = Image.open(io.BytesIO(image))
    assert drawn.mode == "RGB" and drawn.getpixel((10, 190)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "DIR/a.pdf is no PDF: it does not begin with %PDF. Copy it again from the archive."),
        (
            b"/annex/objects/SHA256E-s7--ab.pdf\n",
            "DIR/a.pdf is a pointer of git-annex, not a PDF. Fetch the files: git annex get . "
            "(or the script that comes with the dataset)",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n",
            "DIR/a.pdf is a pointer of Git LFS, not a PDF. Fetch the files: git lfs pull",
        ),
        (b"%PDF-1.4\nnothing", "DIR/a.pdf is damaged: pdfium cannot open it. Copy it again from the archive."),
        (
            pdf(TEXT, extra=f"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{'01' * 32}>/U<{'02' * 32}>>>"),
            "DIR/a.pdf is encrypted. Save it without a password, or take it out.",
        ),
        (
            pdf(TEXT, page="/MediaBox[0 0 14000 14000]"),
            "DIR/a.pdf, page 1: 14000 × 14000 points are 28000 × 28000 pixels at 144 dpi; a page has 1 to 80,000,000. "
            "Set data.reader.dpi.",
        ),
    ],
)
def test_what_is_no_readable_pdf_is_refused(tmp_path, data, text):
    assert refused(tmp_path, data) == text


def test_links_to_nothing_and_missing_files_are_refused(tmp_path):
    for name, text in (("link.pdf", "is a link to nothing: git-annex has not fetched it"), ("gone.pdf", "is missing")):
        if name == "link.pdf":
            (tmp_path / name).symlink_to("../.git/annex/objects/x.pdf")
        with pytest.raises(DocexpError, match=f"{name} {text}"):
            list(pdf_pages(tmp_path / name, Report(), dpi=72))


def test_a_missing_library_is_named_with_its_extra(tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf(TEXT))
    code = (
        "import sys; sys.modules['pypdfium2'] = None\n"
        "from pathlib import Path\nfrom docexp.documents.pdf import pdf_pages\n"
        "from docexp.documents.readers.reader import Report\nfrom docexp.errors import DocexpError\n"
        "try:\n list(pdf_pages(Path(sys.argv[1]), Report(), dpi=72))\n"
        "except DocexpError as error:\n print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.pdf")], capture_output=True, text=True, env=os.environ
    )
    assert run.stdout == "PDF files need pypdfium2: pip install 'docexp[pdf]'\n", run.stderr


@pytest.mark.real_data
def test_genuine_words_cover_the_ink_of_their_pages(real_data):
    files = sorted((real_data / "kleister_nda/documents").glob("*.pdf"))[:4]
    assert files
    for file in files:
        page = next(pdf_pages(file, Report(), dpi=72, max_pages=1))
        assert page.image is not None and len(page.words) > 50
        drawn = Image.open(io.BytesIO(page.image)).convert("L")
        outside = drawn.copy()
        for box in page.word_boxes:
            x0, y0, x1, y1 = np.rint(box + np.array([-1, -1, 1, 1])).astype(int).tolist()
            outside.paste(255, (max(x0, 0), max(y0, 0), x1, y1))
        assert (np.asarray(outside) < 128).sum() < 0.02 * (np.asarray(drawn) < 128).sum()
        assert ImageChops.difference(drawn, outside).getbbox()
