"""The report a reader keeps, and what every reader refuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.errors import DocexpError


def test_the_report_reads_as_one_line_for_each_kind_of_count():
    report = Report()
    report.note("empty words", 2, one="empty word")
    report.note("links stored twice merged", 5312)
    report.note("empty words", 888, one="empty word")
    report.note("self links dropped", one="self link dropped")
    report.note("never met", 0)
    report.repair("boxes cut at the page's border", 12)
    assert report.lines() == [
        "kept, with a note: 890 empty words · 5,312 links stored twice merged · 1 self link dropped",
        "repaired: 12 boxes cut at the page's border",
    ]
    assert report.to_json() == {
        "kept": {"empty words": 890, "links stored twice merged": 5312, "self links dropped": 1},
        "repaired": {"boxes cut at the page's border": 12},
        "refused": {},
    }


def test_what_is_left_out_is_said_and_nothing_is_said_of_nothing():
    report = Report()
    assert report.lines() == []
    report.refuse("images without an annotation file", 3)
    assert report.lines() == ["left out: 3 images without an annotation file"]


@dataclass(kw_only=True)
class Toy(Reader):
    name: ClassVar[str] = "toy"
    licence: ClassVar[str] = "CC0"
    pages_wanted: int = 1

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[str]:
        self.folder(source)
        yield "p"

    def read(self, unit: str, report: Report) -> Iterator[tuple[str, Page]]:
        yield "train", Page(id=unit, width=1, height=1, words=(), word_boxes=[])  # type: ignore[arg-type]


def test_a_reader_is_a_settings_dataclass_that_needs_a_source_by_default():
    assert Toy.needs_source
    assert Toy(pages_wanted=3).pages_wanted == 3
    with pytest.raises(TypeError):
        Reader()  # type: ignore[abstract]


def test_a_source_that_is_no_folder_is_refused(tmp_path):
    archive = tmp_path / "dataset.zip"
    archive.write_bytes(b"PK")
    faults = {
        None: "toy needs source=DIR, the folder of its unpacked download.",
        tmp_path / "nowhere": f"toy: source={tmp_path / 'nowhere'} does not exist.",
        archive: f"toy: source={archive} is a file; unpack it and give the folder.",
    }
    for source, text in faults.items():
        with pytest.raises(DocexpError) as caught:
            list(Toy().pages(source, Report()))
        assert str(caught.value) == text
    assert len(list(Toy().pages(tmp_path, Report()))) == 1


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Toy().folder(Path("~")) == tmp_path


def test_reports_add_up_in_the_order_of_first_mention():
    total, part = Report(), Report()
    total.note("empty words", 2, one="empty word")
    part.note("self links dropped", 1, one="self link dropped")
    part.note("empty words", 3)
    total.add(part)
    assert total.lines() == ["kept, with a note: 5 empty words · 1 self link dropped"]
