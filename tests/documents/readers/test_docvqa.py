"""DocVQA and InfographicVQA: the genuine sample, and miniature folders of every layout."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.documents.page import Question
from docexp.documents.readers.docvqa import DocVqaReader
from docexp.documents.readers.infographicvqa import InfographicVqaReader
from docexp.documents.readers.reader import Report

WIDTH, HEIGHT = 200, 100


def question(number: int = 1, image: str = "ffbg0227_2", **changes: Any) -> dict[str, Any]:
    document, page = image.rsplit("_", 1)
    values = {
        "questionId": number,
        "question": "what is the page no ?",
        "image": f"documents/{image}.png",
        "docId": 7,
        "ucsf_document_id": document,
        "ucsf_document_page_no": page,
        "answers": ["2", "page 2"],
        "data_split": "val",
    }
    return {**values, **changes}


def ocr() -> dict[str, Any]:
    words = [{"text": "page", "boundingBox": [10, 10, 40, 10, 40, 20, 10, 20]}]
    words += [{"text": "2", "boundingBox": [44, 10, 50, 10, 50, 20, 44, 20], "confidence": "Low"}]
    return {"recognitionResults": [{"page": 1, "width": WIDTH, "height": HEIGHT, "lines": [{"words": words}]}]}


def write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())


def original(tmp_path: Path, image: bytes, *questions: Any, split: str = "val", result: Any = None) -> Path:
    """The first download's layout, with image and OCR for every question whose image has a name."""
    write(tmp_path / split / f"{split}_v1.0.json", {"dataset_split": split, "data": list(questions)})
    for item in questions:
        write(tmp_path / split / item["image"], image)
        stem = Path(item["image"]).stem
        write(tmp_path / split / "ocr_results" / f"{stem}.json", ocr() if result is None else result)
    return tmp_path


def read(source: Path, reader: Any = None):
    report = Report()
    return list((reader or DocVqaReader()).pages(source, report)), report


@pytest.fixture(scope="module")
def image(encoded):
    return encoded(WIDTH, HEIGHT)


def test_a_page_carries_all_its_questions(tmp_path, image):
    items = [question(5), question(6, "ffbg0227_1"), question(7, answers=["II"], question_types=["form", "layout"])]
    pages, report = read(original(tmp_path, image, *items))
    assert [(split, page.id, page.document_id, page.number) for split, page in pages] == [
        ("validation", "ffbg0227_2", "ffbg0227", 2),
        ("validation", "ffbg0227_1", "ffbg0227", 1),
    ]
    page = pages[0][1]
    assert page.questions == (
        Question("5", "what is the page no ?", ("2", "page 2")),
        Question("7", "what is the page no ?", ("II",), ("form", "layout")),
    )
    assert page.words == ("page", "2") and page.lines == ((0, 1),)
    assert page.word_boxes.tolist() == [[10, 10, 40, 20], [44, 10, 50, 20]]
    assert (report.kept, report.repaired, report.refused) == ({}, {}, {})
    assert set(DocVqaReader().annotations) == page.annotations


def test_the_later_download_gives_the_same_pages_and_question_types_win(tmp_path, image):
    ((_, page),), _ = read(original(tmp_path / "a", image, question()))
    later = tmp_path / "b"
    write(later / "spdocvqa_qas" / "val_v1.0.json", {"data": []})
    write(later / "spdocvqa_qas" / "val_v1.0_withQT.json", {"data": [question(question_types=["form"])]})
    write(later / "spdocvqa_images" / "ffbg0227_2.png", image)
    write(later / "spdocvqa_ocr" / "ffbg0227_2.json", ocr())
    ((_, other),), _ = read(later)
    assert other.questions[0].kinds == ("form",)
    assert {**other.to_json(), "questions": None} == {**page.to_json(), "questions": None}


def test_answers_are_hidden_in_test_and_counted_elsewhere(tmp_path, image):
    hidden = question(1, "aaaa0001_1")
    del hidden["answers"]
    original(tmp_path, image, hidden, split="test")
    original(tmp_path, image, question(2, "bbbb0001_1", answers=[]))
    pages, report = read(tmp_path)
    assert [(split, page.questions[0].answers) for split, page in pages] == [("validation", ()), ("test", ())]
    assert report.kept == {"questions without an answer": 1}


def test_missing_ocr_is_refused_or_counted(tmp_path, image, refusal):
    source = original(tmp_path, image, question())
    (source / "val/ocr_results/ffbg0227_2.json").unlink()
    assert refusal(DocVqaReader(), source) == (
        "DIR/val/ocr_results/ffbg0227_2.json is missing, and with it the words of the page. Unpack the OCR files too, "
        "or set data.reader.missing_ocr=empty to keep such pages without words (counted)."
    )
    ((_, page),), report = read(source, DocVqaReader(missing_ocr="empty"))
    assert (page.words, page.lines) == ((), ())
    assert report.kept == {"pages without OCR, so without words": 1}


def test_faults_name_file_and_question(tmp_path, image, refusal):
    assert refusal(DocVqaReader(), tmp_path).startswith("DIR: no DocVQA here. Expected val/val_v1.0.json")
    source = original(tmp_path, image, question(1), question(1))
    assert refusal(DocVqaReader(), source) == (
        "DIR/val/val_v1.0.json, question 1: its questionId 1 came before: DIR/val/val_v1.0.json, question 0. "
        "Remove one of them."
    )
    original(tmp_path, image, question(1))
    original(tmp_path, image, question(2), split="train")
    assert refusal(DocVqaReader(), source) == (
        "DIR/val/val_v1.0.json, question 0: documents/ffbg0227_2.png has questions in train "
        "(DIR/train/train_v1.0.json, question 0) and in validation. A page belongs to one split; "
        "remove the questions from one of the files."
    )
    (source / "train/train_v1.0.json").unlink()
    for changes, text in (
        ({"ucsf_document_page_no": "ii"}, "\"ucsf_document_page_no\" 'ii' is no page number."),
        ({"answers": [3]}, '"answers" [3] is no list of texts.'),
        ({"answers": "3"}, "\"answers\" is '3', not of type list."),
    ):
        write(source / "val/val_v1.0.json", {"data": [question(**changes)]})
        assert refusal(DocVqaReader(), source) == f"DIR/val/val_v1.0.json, question 0: {text}"


def test_a_missing_image_is_refused(tmp_path, image, refusal):
    source = original(tmp_path, image, question())
    (source / "val/documents/ffbg0227_2.png").unlink()
    said = refusal(DocVqaReader(), source)
    assert said == "DIR/val/documents/ffbg0227_2.png is missing. Is the archive fully unpacked?"


@given(seed=st.integers(0, 10**6))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, image, damaged, dumped, survives):
    source = original(tmp_path, image, question())
    if seed % 2:
        write(source / "val/val_v1.0.json", dumped(damaged({"data": [question(1), question(2)]}, seed), seed))
    else:
        write(source / "val/ocr_results/ffbg0227_2.json", dumped(damaged(ocr(), seed), seed))
    survives(DocVqaReader(), source)


@pytest.mark.real_data
def test_the_genuine_sample(real_data):
    pages, report = read(real_data / "docvqa", DocVqaReader(missing_ocr="empty"))
    assert [(split, page.id, page.number, len(page.questions)) for split, page in pages] == [
        ("validation", "ffbg0227_2", 2, 1),
        ("validation", "ffhx0227_1", 1, 1),
        ("validation", "ffjw0228_11", 11, 10),
    ]
    assert pages[0][1].questions[0] == Question("26167", "what is the page no or page mentioned ?", ("2", "page 2"))
    assert report.kept == {"pages without OCR, so without words": 3}


def infographics(tmp_path: Path, image: bytes, stem: str = "infographicsVQA", item: Any = None) -> Path:
    record = {
        "questionId": 98313,
        "question": "which network?",
        "image_local_name": "37313.jpeg",
        "image_url": "",
        "ocr_output_file": "37313.json",
        "answers": ["pinterest"],
        "data_split": "val",
        "answer_type": ["single span"],
        "evidence": ["text"],
        "operation/reasoning": ["counting"],
    }
    box = {"Width": 0.5, "Height": 0.125, "Left": 0.25, "Top": 0.5}
    words = [{"BlockType": "WORD", "Text": "pinterest", "Geometry": {"BoundingBox": box}}]
    write(tmp_path / "infographicsvqa_qas" / f"{stem}_val_v1.0_withQT.json", {"data": [item or record]})
    write(tmp_path / "infographicsvqa_images" / "37313.jpeg", image)
    write(tmp_path / "infographicsvqa_ocr" / "37313.json", {"PAGE": [], "LINE": [], "WORD": words})
    return tmp_path


@pytest.mark.parametrize("stem", ["infographicsVQA", "infographicVQA"])
def test_an_infographic_becomes_a_page(tmp_path, image, stem):
    ((split, page),), report = read(infographics(tmp_path, image, stem), InfographicVqaReader())
    assert (split, page.id, page.words) == ("validation", "37313", ("pinterest",))
    assert page.word_boxes.tolist() == [[50, 50, 150, 62.5]]
    assert page.questions == (Question("98313", "which network?", ("pinterest",), ("single span", "text", "counting")),)
    assert report.lines() == []


def test_no_infographics_are_refused(tmp_path, image, refusal):
    assert refusal(InfographicVqaReader(), tmp_path).startswith("DIR: no InfographicVQA here.")
    item = {"questionId": 1, "question": "?", "image_local_name": "../1.jpeg", "ocr_output_file": "1.json"}
    said = refusal(InfographicVqaReader(), infographics(tmp_path, image, item=item))
    assert said.endswith("question 0: '../1.jpeg' is no file name.")
