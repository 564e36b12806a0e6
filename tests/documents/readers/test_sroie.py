"""SROIE: the genuine counts, and its anomalies in miniature folders of both layouts."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.readers.reader import Report
from docexp.documents.readers.sroie import FIELDS, SroieReader
from docexp.errors import DocexpError

WIDTH, HEIGHT = 200, 300
KEY = {"company": "ABC, SDN BHD", "date": "19/10/2018", "address": "27, JALAN 13", "total": "60.30"}
LINES = [
    "10,10,130,10,130,30,10,30,ABC, SDN BHD",
    "10,40,130,40,130,60,10,60,27,JALAN 13",
    "10,70,160,70,160,90,10,90,DATE 19/10/2018",
    "10,100,60,100,60,110,10,110,60.30",
    "10,120,60,120,60,150,10,150,60.30",
]
TEXT = "\n".join(LINES)


def jpeg(shade: int = 255) -> bytes:
    file = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT), shade).save(file, "jpeg")
    return file.getvalue()


def folder(tmp_path: Path, key: Any = KEY, lines: Any = TEXT, split: str = "train", name: str = "X1"):
    """One receipt in the official layout; bytes are written as they are."""
    files = {
        f"img/{name}.jpg": jpeg(len(name)),
        f"box/{name}.txt": lines if isinstance(lines, bytes) else lines.encode(),
        f"entities/{name}.txt": key if isinstance(key, bytes) else json.dumps(key).encode(),
    }
    for place, data in files.items():
        file = tmp_path / "SROIE2019" / split / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path


def read(source: Path, **changes: Any):
    report = Report()
    return list(SroieReader(**changes).pages(source, report)), report


def one(source: Path, **changes: Any):
    pages, report = read(source, **changes)
    assert len(pages) == 1
    return pages[0][1], report


def entities(page) -> dict[str, str]:
    return {item.label: " ".join(page.words[i] for i in item.words) for item in page.entities}


def test_a_receipt_becomes_a_page(tmp_path):
    page, report = one(folder(tmp_path))
    assert (page.id, page.width, page.height, page.image_format) == ("X1", WIDTH, HEIGHT, "jpg")
    assert page.words[:3] == ("ABC,", "SDN", "BHD"), "commas belong to the transcript"
    assert page.word_boxes[0].tolist() == [10, 10, 50, 30]
    assert page.lines == ((0, 1, 2), (3, 4), (5, 6), (7,), (8,))
    assert page.fields == {name: (value,) for name, value in KEY.items()}
    assert page.document_class is None
    assert entities(page) == {
        "company": "ABC, SDN BHD",
        "date": "19/10/2018",
        "address": "27,JALAN 13",
        "total": "60.30",
    }
    total = page.entities[-1]
    assert total.words == (8,) and total.box == (10, 120, 60, 150), "the larger print of two"
    assert report.kept == {"values found with other spaces, signs or case": 1, "values found in several places": 1}
    assert set(SroieReader().annotations) == page.annotations


def test_both_splits_and_the_folder_itself(tmp_path):
    folder(tmp_path)
    folder(tmp_path, split="test", name="X22")
    for source in (tmp_path, tmp_path / "SROIE2019"):
        assert [(split, page.id) for split, page in read(source)[0]] == [("train", "X1"), ("test", "X22")]


def test_the_numbered_layout_is_all_train(tmp_path):
    official = folder(tmp_path) / "SROIE2019" / "train"
    for old, new in (("img/X1.jpg", "img/004.jpg"), ("box/X1.txt", "box/004.csv"), ("entities/X1.txt", "key/004.json")):
        file = tmp_path / "numbered" / "data" / new
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((official / old).read_bytes())
    for source in (tmp_path / "numbered", tmp_path / "numbered" / "data"):
        (split, page), *others = read(source)[0]
        assert (split, page.id, others) == ("train", "004", [])


def test_windows_line_ends_leave_no_trace(tmp_path):
    page, _ = one(folder(tmp_path, lines="\r\n".join(LINES) + "\r\n"))
    assert page.words[2] == "BHD" and page.words[-1] == "60.30"


def test_fields_without_key_or_value_are_counted(tmp_path):
    page, report = one(folder(tmp_path, key={"company": "ABC, SDN BHD", "date": "19/10/2018", "total": ""}))
    assert set(page.fields) == {"company", "date"}
    assert report.kept == {"fields without a key": 1, "fields without a value": 1}


def test_values_that_are_not_in_the_words_stay_as_fields(tmp_path):
    page, report = one(folder(tmp_path, key={**KEY, "company": "SOMEBODY\n  ELSE"}))
    assert page.fields["company"] == ("SOMEBODY\n  ELSE",) and "company" not in entities(page)
    assert report.kept["values not found in the words"] == 1
    assert report.kept["values with line breaks or double spaces"] == 1


def test_a_value_does_not_take_the_words_of_another(tmp_path):
    page, report = one(folder(tmp_path, key={**KEY, "address": "ABC, SDN BHD"}))
    assert "address" not in entities(page) and report.kept["values not found in the words"] == 1


def test_a_total_is_taken_beside_the_word_total(tmp_path):
    """The price of the only item is printed as large, and the sum before tax larger."""
    lines = [
        "10,10,60,10,60,30,10,30,60.30",
        "10,40,90,40,90,70,10,70,SUB-TOTAL",
        "100,40,160,40,160,70,100,70,60.30",
        "10,80,90,80,90,100,10,100,Total (RM)",
        "100,82,160,82,160,102,100,102,60.30",
        "100,110,160,110,160,130,100,130,60.30",
    ]
    page, _ = one(folder(tmp_path, key={"total": "60.30"}, lines="\n".join(lines)))
    assert page.entities[0].box == (100, 82, 160, 102)


def test_boxes_without_area_and_lines_without_text_are_kept_and_counted(tmp_path):
    lines = [*LINES, "10,160,11,160,11,160,10,160,TOTAL RM", "10,170,90,170,90,180,10,180,"]
    page, report = one(folder(tmp_path, lines="\n".join(lines)))
    assert page.words[-3:] == ("TOTAL", "RM", "") and len(page.lines) == 6
    assert report.kept["boxes without area"] == 1 and report.kept["lines without text"] == 1


def test_copies_are_counted(tmp_path, encoded):
    source = folder(folder(tmp_path), name="X2")
    images = source / "SROIE2019" / "train" / "img"
    (images / "X2.jpg").write_bytes((images / "X1.jpg").read_bytes())
    (images / "X9.jpg").write_bytes(encoded(5, 5, "jpeg"))
    for kind, suffix in (("img", "jpg"), ("box", "txt"), ("entities", "txt")):
        file = source / "SROIE2019" / "train" / kind / f"X1.{suffix}"
        file.with_name(f"X1(1).{suffix}").write_bytes(file.read_bytes())
    pages, report = read(source)
    assert [page.id for _, page in pages] == ["X1", "X2"]
    assert report.kept["images that copy another one"] == 1
    assert report.refused == {
        "copies under a numbered name": 1,
        "images without a box file": 2,
        "fields files without a box file": 1,
    }


def test_other_encodings_are_refused_or_counted(tmp_path):
    lines = "\n".join([*LINES, "10,160,90,160,90,180,10,180,CAFÉ £5"]).encode("cp1252")
    source = folder(tmp_path, lines=lines)
    with pytest.raises(DocexpError, match=r"box/X1.txt: not UTF-8 text .* data.reader.encoding=cp1252 reads it as"):
        read(source)
    page, report = one(source, encoding="cp1252")
    assert page.words[-2:] == ("CAFÉ", "£5")
    assert report.repaired == {"files read as Windows-1252": 1}
    (source / "SROIE2019/train/box/X1.txt").write_bytes(lines + b"\x81")
    with pytest.raises(DocexpError, match="It is not Windows-1252 either"):
        read(source, encoding="cp1252")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("1,2,3,4,5,6,7,8", "line 1: not eight numbers and a transcript, divided by commas."),
        ("10,10,20,10,20,x,10,20,A", "line 1: not eight numbers and a transcript, divided by commas."),
        (
            f"{LINES[0]}\n10,10,201,10,201,20,10,20,A",
            "line 2: box (10, 10, 201, 20) is outside the page of 200 × 300. "
            "data.reader.repair=clip cuts it at the border (counted).",
        ),
        ("10,10,nan,10,20,20,10,20,A", "line 1: box (nan, 10, nan, 20) is not finite. Correct the file."),
    ],
)
def test_broken_lines_are_refused_with_file_and_line(tmp_path, refusal, lines, text):
    assert refusal(SroieReader(), folder(tmp_path, lines=lines)) == f"DIR/SROIE2019/train/box/X1.txt, {text}"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ([1], ": '[1]' is no record with company, date, address, total."),
        ({"total": 5}, ': "total" is 5, not of type str.'),
        ({"totl": "5"}, ': "totl" is no field of SROIE: company, date, address, total.'),
    ],
)
def test_broken_fields_are_refused(tmp_path, refusal, key, text):
    assert refusal(SroieReader(), folder(tmp_path, key=key)) == f"DIR/SROIE2019/train/entities/X1.txt{text}"


def test_what_is_missing_is_named(tmp_path, refusal):
    assert refusal(SroieReader(), tmp_path).startswith("DIR: no SROIE here. Expected train/img")
    source = folder(tmp_path)
    for kind in ("img/X1.jpg", "entities/X1.txt"):
        (source / "SROIE2019/train" / kind).rename(tmp_path / "aside")
        text = f"DIR/SROIE2019/train/{kind} is missing. Is the archive fully unpacked?"
        assert refusal(SroieReader(), source) == text
        (tmp_path / "aside").rename(source / "SROIE2019/train" / kind)


@given(seed=st.integers(0, 10**6), line=st.text("0123456789,.- ABé\r\n\x00", max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, line, damaged, dumped, survives):
    lines = [*LINES, line] if seed % 2 else LINES
    source = folder(tmp_path, key=dumped(damaged(KEY, seed), seed), lines="\n".join(lines))
    survives(SroieReader(encoding="cp1252", repair="clip"), source)


@pytest.mark.real_data
def test_genuine_receipts(real_data):
    pages, report = read(real_data / "sroie")
    assert Counter(split for split, _ in pages) == {"train": 80}
    found = Counter(item.label for _, page in pages for item in page.entities)
    assert found == {"company": 80, "date": 80, "address": 79, "total": 79}
    assert report.kept["images that copy another one"] == 2, "X5100545380[14] and X5100945380[14]"
    assert report.kept["fields without a value"] == 1, "the total of X51005433522"
    assert (report.repaired, report.refused) == ({}, {})
    for _, page in pages:
        assert sorted(i for line in page.lines for i in line) == list(range(len(page.words)))
        for item in page.entities:
            plain = ["".join(c for c in text.casefold() if c.isalnum()) for text in page.words]
            value = "".join(c for c in page.fields[item.label][0].casefold() if c.isalnum())
            words = "".join(plain[i] for i in item.words)
            assert value in words or item.label in ("company", "address"), (page.id, item.label)


@pytest.mark.real_data
def test_genuine_numbered_files(real_data, tmp_path, encoded):
    """The sample has no images of this layout: blank ones as large as the boxes need."""
    numbered = real_data / "sroie" / "numbered_layout" / "data"
    (tmp_path / "img").mkdir()
    for name in ("box", "key"):
        (tmp_path / name).symlink_to(numbered / name)
    for file in (numbered / "box").iterdir():
        (tmp_path / "img" / f"{file.stem}.jpg").write_bytes(encoded(1500, 3500, "jpeg"))
    pages, report = read(tmp_path)
    page = {page.id: page for _, page in pages}
    assert sorted(page) == ["004", "033", "063", "104", "105", "127"]
    assert set(page["104"].fields) == set(FIELDS) - {"address"} and "total" not in page["033"].fields
    assert report.kept["fields without a key"] == 1 and report.kept["fields without a value"] == 1
    assert report.kept["values with line breaks or double spaces"] == 1
    rows = (numbered / "box" / "127.csv").read_bytes().decode().splitlines()
    assert sum(row.count(",") - 8 for row in rows) == sum(word.count(",") for word in page["127"].words) > 3
    assert not any("\r" in word for one in page.values() for word in one.words)
