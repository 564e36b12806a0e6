"""Tags of documents from a file beside the data."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from docexp.documents.page import Page
from docexp.documents.readers.reader import Reader, Report
from docexp.documents.reading.document_tags import tags_of
from docexp.errors import DocexpError


@dataclass(kw_only=True)
class Three(Reader):
    """Pages of three documents, named as IIT-CDIP's are."""

    name: ClassVar[str] = "three"
    licence: ClassVar[str] = "CC0"
    needs_source: ClassVar[bool] = False

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def units(self, source: Path | None, report: Report) -> Iterator[str]:
        yield from ("rge31d00", "abc00d00", "zzz99e99")

    def read(self, unit: str, report: Report) -> Iterator[tuple[str, Page]]:
        for number in range(2):
            yield "train", Page(f"{unit}/{number}", 9, 9, (), [], document_id=f"imagesr/r/{unit}", number=number)


def written(folder: Path, *lines: Any) -> str:
    file = folder / "tags.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(file)


def line(document: str, *tags: str) -> dict[str, Any]:
    return {"document": document, "tags": list(tags)}


def test_every_page_of_a_document_has_its_tags_and_documents_without_a_line_are_counted(tmp_path: Path) -> None:
    file = written(tmp_path, line("rge31d00", "memo", "ads"), line("imagesr/r/abc00d00"), line("elsewhere", "memo"))
    report = Report()
    found = {page.id: page.document_tags for _, page in Three(document_tags=file).pages(None, report)}
    assert found == {
        **dict.fromkeys(["rge31d00/0", "rge31d00/1"], ("memo", "ads")),
        **dict.fromkeys(["abc00d00/0", "abc00d00/1"], ()),  # it has none, which is said of it
        **dict.fromkeys(["zzz99e99/0", "zzz99e99/1"], None),
    }
    assert report.kept == {f"pages of documents without tags in {file}": 2}


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    assert tags_of("a", written(tmp_path, line("a", "x"))) == ("x",)
    assert tags_of("a", written(tmp_path, line("a", "y"), line("b", "x"))) == ("y",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line("a", "x"), line("b"), line("a")], "tags.jsonl, line 3: document a has a line before this one"),
        ([{"document": "a"}], 'tags.jsonl, line 1: no "tags"'),
        ([{"document": 7, "tags": []}], 'line 1: "document" is 7, not of type str'),
        ([line("a", "x", "x")], "line 1: tags .* are to be texts, each once"),
        ([line("a", " ")], "line 1: tags .* are to be texts, each once"),
        ([{"document": "a", "tags": [3]}], "line 1: tags .* are to be texts, each once"),
        ([["a", "x"]], "line 1: .* is no record with document, tags"),
        ([], "tags.jsonl is empty. Expected a file with lines such as"),
    ],
)
def test_lines_that_are_none_are_refused_by_place(tmp_path: Path, lines: list[Any], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        list(Three(document_tags=written(tmp_path, *lines)).pages(None, Report()))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocexpError, match=r"data.reader.document_tags: .*none.jsonl is no file"):
        list(Three(document_tags=str(tmp_path / "none.jsonl")).pages(None, Report()))
