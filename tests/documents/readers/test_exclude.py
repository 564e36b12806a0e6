"""Exclude lists: which forms of an id are the same, and what becomes of pages they name."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from docexp.documents.page import Page
from docexp.documents.readers.exclude import listed, names
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards

RVL = "imagesr/r/g/e/rge31d00/503210033+-0034.tif"


@dataclass(kw_only=True)
class Ids(Reader):
    """Pages with given ids, or ids and document ids joined by ``|``."""

    name: ClassVar[str] = "ids"
    licence: ClassVar[str] = "CC0"
    needs_source: ClassVar[bool] = False
    ids: list[str] = field(default_factory=list)

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[str]:
        yield from self.ids

    def read(self, unit: str, report: Report) -> Iterator[tuple[str, Page]]:
        page, _, document = unit.partition("|")
        yield "train", Page(id=page, document_id=document, width=9, height=9, words=(), word_boxes=np.zeros((0, 4)))


def kept(tmp_path: Path, lines: str, *ids: str) -> tuple[list[str], Report]:
    file = tmp_path / "list.txt"
    file.write_text(lines)
    report = Report()
    return [page.id for _, page in Ids(ids=list(ids), exclude=[str(file)]).pages(None, report)], report


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("0000971160", "imagesn/n/g/j/ngj41f00/0000971160.tif"),  # FUNSD and RVL-CDIP
        ("82200067_0069", "imagesy\\y\\g\\d\\ygd34c00\\82200067_0069.TIF"),
        (RVL, "iit-cdip/rge31d00/503210033_0034"),
        (RVL, "rge31d00"),
        (RVL, "rge31d00_3"),
        ("ffbg0227_2", "documents/ffbg0227_2.png"),
        ("ffbg0227_2", "f/f/b/g/ffbg0227"),
        ("Page 7", "page 7.json"),
    ],
)
def test_forms_of_one_page_or_document_match(left, right):
    assert not names(left).isdisjoint(names(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("train/0001", "test/0001"),
        (RVL, "imagesr/r/g/e/rge32d00/503210035+-0036.tif"),
        ("82200067_0069", "82200067"),
        ("ffbg0227_2", "ffbg0228_2"),
        ("images/a", "images/b"),
        ("0000971160", "00009711601"),
    ],
)
def test_other_pages_do_not(left, right):
    assert names(left).isdisjoint(names(right))


def test_excluded_pages_are_left_out_and_counted(tmp_path):
    lines = f"# the pages of a test set\n\n{RVL} 3\nffbg0227_2\r\nc\n"
    pages, report = kept(tmp_path, lines, "a", "503210033_0034", "b|ffbg0227", "rge31d00#4", "c", "d|c")
    assert pages == ["a"]
    assert report.lines() == [f"left out: 5 pages named in {tmp_path / 'list.txt'}"]


def test_a_list_without_effect_is_said(tmp_path):
    pages, report = kept(tmp_path, "x\n", "a")
    assert pages == ["a"]
    assert report.lines() == [
        "kept, with a note: 1 exclude list that names no page here (do its ids have another form?): "
        f"{tmp_path / 'list.txt'}"
    ]


def test_lists_that_are_none_are_refused(tmp_path):
    (tmp_path / "index.json").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for place, text in [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "binary", "is no text file of ids"),
        (tmp_path, "index.json is damaged"),
    ]:
        with pytest.raises(DocexpError, match=text):
            listed(str(place))
    with pytest.raises(DocexpError, match="holds no id"):
        kept(tmp_path, "# nothing\n", "a")


def test_a_list_that_has_changed_is_read_again(tmp_path):
    assert kept(tmp_path, "a\n", "a", "b")[0] == ["b"]
    file = tmp_path / "list.txt"
    file.write_text("b\n")
    os.utime(file, ns=(1, 1))
    assert "b" in listed(str(file)) and "a" not in listed(str(file))


def test_shards_exclude_their_own_pages(tmp_path):
    facts = SetFacts(name="ids", licence="none", command="docexp data prepare data=ids")
    write_shards(Ids(ids=["a|x", "b", "ä/ü|y"]).pages(None, Report()), tmp_path / "set", facts)
    report = Report()
    reader = Ids(ids=["a", "b", "c|ä/ü", "d|x", "e"], exclude=[str(tmp_path / "set")])
    assert [page.id for _, page in reader.pages(None, report)] == ["e"]


@pytest.mark.real_data
def test_funsd_is_found_in_iit_cdip(real_data, tmp_path):
    stems = [file.stem for file in (real_data / "funsd").rglob("*.json")]  # the ids of its pages
    assert len(stems) == 199
    images = [str(file.relative_to(real_data)) for file in (real_data / "rvl_cdip" / "images").rglob("*.tif")]
    assert len(images) == 16
    pages, report = kept(tmp_path, "\n".join(stems), *images, "imagesa/a/a/a/aaa00a00/1234567890.tif")
    assert pages == ["imagesa/a/a/a/aaa00a00/1234567890.tif"]
    assert sum(report.refused.values()) == 16
