"""The preview is one file that fetches nothing and runs no page's text; it shows what was asked for."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docexp.documents.page import Entity, Page, Question, Region, Relation
from docexp.errors import DocexpError
from docexp.report.preview.choose import drawn, named
from docexp.report.preview.file import document
from docexp.report.preview.record import LONGEST, LONGEST_OF_MANY, MANY, record
from docexp.shards.index import Index, SetFacts
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards
from docexp.verbs.data import run

EVIL = "</script><script>document.title='ran'</script><img src=x onerror=alert(1)>&lt;\u2028"


def page(name: str, **values) -> Page:
    boxes = np.array([(10, 10, 40, 20), (50, 10, 90.123456, 20), (10, 40, 40, 50)], float)
    return Page(**{"id": name, "width": 120, "height": 90, "words": ("a", "", "c"), "word_boxes": boxes} | values)


def picture(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (width, height), 200).save(data, "PNG")
    return data.getvalue()


def data_of(text: str) -> list[dict]:
    """What the script in the file reads."""
    (found,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    pages = [("test" if n % 3 == 2 else "train", page(f"page {n}", document_id=f"d{n}")) for n in range(30)]
    return write_shards(pages, tmp_path / "set", SetFacts(name="a <set>", licence="x & y", command="x"))


def test_everything_on_a_page_is_in_its_record() -> None:
    full = page(
        "p",
        image=picture(60, 45),
        lines=((0, 1), (2,), ()),
        entities=(Entity("key", (0, 1), (10, 10, 90, 20)), Entity("value", (), (0, 0, 5, 5))),
        relations=(Relation(0, 1),),
        regions=(Region("text", (0, 0, 50, 50), 9.0, polygons=((0, 0, 9, 0, 9, 9),)),),
        reading_order=(2, 0, 1),
        questions=(Question("1", "What?", ("a", "b")), Question("2", "Who?")),
        fields={"total": ("1", "2")},
        document_class="memo",
        document_tags=("a", "b"),
    )
    found = data_of(document("t", "a", [record(full, "test", 1)]))[0]
    assert found["words"] == ["a", "", "c"] and found["boxes"][1] == [50, 10, 90.12, 20]
    assert found["lines"] == [[10, 10, 90.12, 20], [10, 40, 40, 50]]
    assert [entity["label"] for entity in found["entities"]] == ["key", "value"]
    assert (found["relations"][0]["head"], found["relations"][0]["tail"], found["order"]) == (0, 1, [2, 0, 1])
    assert found["regions"][0]["polygons"] == [[0, 0, 9, 0, 9, 9]]
    assert [question["answers"] for question in found["questions"]] == [["a", "b"], []]
    assert (found["fields"], found["document_class"], found["split"]) == ({"total": ["1", "2"]}, "memo", "test")
    assert found["document_tags"] == ["a", "b"]
    bare = record(page("p"), "test", 1)
    for name in ("image", "lines", "entities", "relations", "order", "regions", "questions", "fields", "document_tags"):
        assert bare[name] is None, name


def test_no_text_of_a_page_is_markup() -> None:
    evil = page(EVIL, words=(EVIL, "", "c"), document_class=EVIL, document_tags=(EVIL,), fields={EVIL: (EVIL,)})
    text = document(EVIL, EVIL, [record(evil, "train", 1)])
    assert text.count("<script") == text.count("</script") == 2 and "<img" not in text
    assert data_of(text)[0]["words"][0] == EVIL
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert title and "<" not in title[1] and "&lt;script&gt;" in title[1]


def test_the_script_writes_texts_as_text_only() -> None:
    text = document("t", "a", [])
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in text


def test_the_file_may_fetch_nothing_and_names_nothing_to_fetch() -> None:
    text = document("t", "a", [record(page("p", image=picture(60, 45)), "train", 1)])
    assert "default-src 'none'; img-src data:;" in text
    addresses = re.findall(r"https?://[^\"'\s<]+", text)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}  # a name, no address
    assert not re.search(r"<(link|iframe|object|embed|base)\b|url\((?!#arrow)|@import|src=\"", text)


@pytest.mark.parametrize(("pages", "longest"), [(1, LONGEST), (MANY + 1, LONGEST_OF_MANY)])
def test_images_are_bounded_and_keep_their_proportions(pages: int, longest: int) -> None:
    for size, expected in (((3000, 2000), (longest, round(longest * 2 / 3))), ((300, 200), (300, 200))):
        data = record(page("p", image=picture(*size)), "train", pages)["image"].removeprefix("data:image/jpeg;base64,")
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == expected


def test_pages_are_drawn_by_seed_or_named_by_id(index: Index) -> None:
    rows, reader = index.split("test"), ShardReader(index)
    assert drawn(rows, 5, 0) == drawn(rows, 5, 0) == sorted(set(drawn(rows, 5, 0))) != drawn(rows, 5, 1)
    assert set(drawn(rows, 5, 0)) < set(rows) and drawn(rows, 200, 3) == list(rows)
    assert [reader.read(row).id for row in named(reader, rows, ["page 8", "page 2"])] == ["page 8", "page 2"]
    with pytest.raises(DocexpError, match=r"pages=201: a preview holds at most 200"):
        drawn(rows, 201, 0)
    with pytest.raises(DocexpError, match=r"has no page 'page 1' among the 10 looked at\. Nearest: page%20"):
        named(reader, rows, ["page 2", "page 1"])


def test_the_verb_writes_one_file(index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, shards = tmp_path / "p.html", f"data.shards={index.folder}"
    assert run(["preview", shards, f"out={out}", "split=test", "pages=4", "seed=2"], None) == 0
    assert f"{out}: 4 of 10 pages, " in capsys.readouterr().out
    found = data_of(out.read_text())
    assert len(found) == 4 and {page["split"] for page in found} == {"test"}
    assert run(["preview", shards, f"out={out}", "ids=page 3,page 2"], None) == 0
    assert [page["id"] for page in data_of(out.read_text())] == ["page 3", "page 2"]
    assert "a &lt;set&gt;: 30 pages" in out.read_text()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "needs out=FILE.html"),
        (["out=x.png"], "out=x.png must end in .html or .htm"),
        (["out=nowhere/x.html"], "there is no folder nowhere"),
        ([f"out={'x' * 300}.html"], "cannot be written: File name too long. Choose another out=FILE.html"),
        (["out=x.html", "pages=0"], "pages=0 must be a whole number, at least 1"),
        (["out=x.html", "seed=-1"], "seed=-1 must be a whole number, at least 0"),
        (["out=x.html", "ids=a", "pages=3"], "ids=… names the pages; pages= and seed= draw them"),
        (["out=x.html", "split=tset"], "Nearest: test"),
        (["out=x.html", "page=3"], "Nearest: pages"),
    ],
)
def test_what_it_refuses(index: Index, words: list[str], part: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocexpError) as refused:
        run(["preview", f"data.shards={index.folder}", *words], None)
    assert part in str(refused.value)
