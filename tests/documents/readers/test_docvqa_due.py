"""The DUE form of DocVQA: the genuine sample, scaling, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.documents.page import Question
from docexp.documents.readers.docvqa_due import DocVqaDueReader
from docexp.documents.readers.reader import Report

WIDTH, HEIGHT = 200, 100


def document(name: str = "xnbl0037_1", *values: str, split: str = "train") -> dict[str, Any]:
    variants = list(values or ("1/8/93",))
    values_ = [{"value": variants[0], "value_variants": variants}]
    return {"name": name, "annotations": [{"id": "0", "key": "which date?", "values": values_}], "split": split}


def content(name: str = "xnbl0037_1", engine: str = "microsoft_cv", **layer: Any) -> dict[str, Any]:
    structures = {
        "pages": {"structure_value": [[0, 3]], "positions": [[0, 0, WIDTH, HEIGHT]]},
        "lines": {"structure_value": [[0, 2], [2, 3]], "positions": [[10, 10, 60, 20], [10, 30, 40, 40]]},
    }
    values = {
        "tokens": ["DATE:", "1/8/93", "TO"],
        "positions": [[10, 10, 30, 20], [34, 10, 60, 20], [10, 30, 40, 40]],
        "structures": structures,
    }
    return {"name": name, "contents": [{"tool_name": engine, "tokens_layer": {**values, **layer}}]}


def folder(tmp_path: Path, documents: list[Any], contents: list[Any], split: str = "train") -> Path:
    (tmp_path / split).mkdir(exist_ok=True)
    for name, records in (("document", documents), ("documents_content", contents)):
        lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
        (tmp_path / split / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return tmp_path


def read(source: Path, **changes: Any):
    report = Report()
    return list(DocVqaDueReader(**changes).pages(source, report)), report


def test_a_document_becomes_a_page_of_its_frames_size(tmp_path):
    ((split, page),), report = read(folder(tmp_path, [document()], [content()]))
    assert (split, page.id, page.width, page.height, page.image) == ("train", "xnbl0037_1", WIDTH, HEIGHT, None)
    assert page.words == ("DATE:", "1/8/93", "TO") and page.lines == ((0, 1), (2,))
    assert page.word_boxes.tolist() == [[10, 10, 30, 20], [34, 10, 60, 20], [10, 30, 40, 40]]
    assert page.questions == (Question("0", "which date?", ("1/8/93",)),)
    assert report.lines() == [] and set(DocVqaDueReader().annotations) == page.annotations


def test_positions_are_scaled_to_the_image(tmp_path, encoded):
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "xnbl0037_1.png").write_bytes(encoded(100, 25))
    ((_, page),), _ = read(folder(tmp_path, [document()], [content()]), images=str(tmp_path / "png"))
    assert (page.width, page.height, page.image_format) == (100, 25, "png")
    assert page.word_boxes.tolist() == [[5, 2.5, 15, 5], [17, 2.5, 30, 5], [5, 7.5, 20, 10]]


def test_splits_and_hidden_answers(tmp_path):
    for split, answer in (("test", "0"), ("dev", "0"), ("train", "x")):
        folder(tmp_path, [document(f"d_{split}", answer)], [content(f"d_{split}")], split)
    pages, report = read(tmp_path)
    assert [(split, page.questions[0].answers) for split, page in pages] == [
        ("train", ("x",)),
        ("validation", ("0",)),
        ("test", ()),
    ]
    assert report.refused == {'answers "0" of the test split': 1}


def test_an_engine_is_chosen(tmp_path, refusal):
    both = content()
    both["contents"] += content(engine="tesseract", tokens=["D", "1", "T"])["contents"]
    source = folder(tmp_path, [document()], [both])
    assert read(source, ocr="tesseract")[0][0][1].words == ("D", "1", "T")
    assert refusal(DocVqaDueReader(ocr="textract"), source) == (
        "DIR/train/documents_content.jsonl, line 1: no content of OCR engine textract; there is microsoft_cv, "
        "tesseract. Set data.reader.ocr."
    )


def test_documents_and_contents_belong_together(tmp_path, refusal):
    source = folder(tmp_path, [document()], [content("other"), content()])
    assert read(source)[1].refused == {"documents without questions": 1}
    folder(tmp_path, [document(), document("b")], [content()])
    assert refusal(DocVqaDueReader(), source) == (
        "DIR/train/document.jsonl, line 2: document b has no content in documents_content.jsonl. Copy it again."
    )
    folder(tmp_path, [document(), document()], [content()])
    assert refusal(DocVqaDueReader(), source) == (
        "DIR/train/document.jsonl, line 2: document xnbl0037_1 came before: DIR/train/document.jsonl, line 1."
    )


PAGES = {"structure_value": [[0, 3]], "positions": [[0, 0, WIDTH, HEIGHT]] * 2}
LINES = {"structure_value": [[0, 4]], "positions": []}


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ({"tokens": ["a"]}, ": 1 tokens but 3 positions. Copy the file again."),
        ({"tokens": ["a", 1, "b"]}, ": a token is no text. Copy the file again."),
        ({"positions": [[1, 2, 3]] * 3}, ', token 0 "DATE:": box [1.0, 2.0, 3.0] is not four numbers.'),
        ({"structures": {"pages": PAGES, "lines": LINES}}, ": content of 2 pages, not of one."),
        (
            {"structures": {"pages": {**PAGES, "positions": [[0, 0, 0, 9]]}, "lines": LINES}},
            ": the page's position [0, 0, 0, 9] is not [0, 0, width, height].",
        ),
        (
            {"structures": {"pages": {**PAGES, "positions": [[0, 0, 200, 100]]}, "lines": LINES}},
            ": line [0, 4] is no range of its 3 tokens.",
        ),
    ],
)
def test_broken_contents_are_refused(tmp_path, refusal, layer, text):
    said = refusal(DocVqaDueReader(), folder(tmp_path, [document()], [content(**layer)]))
    assert said == f"DIR/train/documents_content.jsonl, line 1, microsoft_cv{text}"


def test_no_due_dataset_is_refused(tmp_path, refusal):
    assert refusal(DocVqaDueReader(), tmp_path) == (
        "DIR: no DUE dataset here. Expected train/document.jsonl and the like."
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, damaged, dumped, survives):
    records = [document()], [content()]
    records[seed % 2][0] = dumped(damaged(records[seed % 2][0], seed), seed)
    survives(DocVqaDueReader(), folder(tmp_path, *records))


@pytest.mark.real_data
@pytest.mark.parametrize(("engine", "words"), [("microsoft_cv", 638), ("tesseract", 502)])
def test_the_genuine_sample(real_data, engine, words):
    pages, report = read(real_data / "docvqa" / "due_schema", ocr=engine)
    assert [split for split, _ in pages] == ["train", "train", "validation", "validation", "test"]
    assert sum(len(page.words) for _, page in pages) == words
    assert sum(len(page.questions) for _, page in pages) == 23
    assert pages[0][1].questions[0].answers == ("1/8/93",) and pages[0][1].width in (2542,)
    assert report.refused == {'answers "0" of the test split': 8} and report.repaired == {}
