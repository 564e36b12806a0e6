"""DocVQA and InfographicVQA: the genuine sample, and miniature folders of every layout."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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
        "page ffbg0227_2: its OCR file DIR/val/ocr_results/ffbg0227_2.json is missing. "
        "data.reader.without_ocr=keep makes pages without words, leave_out makes none (counted)."
    )
    ((_, page),), report = read(source, DocVqaReader(without_ocr="keep"))
    assert (page.words, page.lines) == ((), ())
    assert report.kept == {"pages without OCR": 1}
    pages, report = read(source, DocVqaReader(without_ocr="leave_out"))
    assert pages == [] and report.refused == {"pages without OCR": 1}


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


def test_blank_texts_go_another_frame_is_scaled_and_ocr_is_of_one_page(tmp_path, image, refusal):
    result = ocr()
    result["recognitionResults"][0] |= {"width": WIDTH * 2, "height": HEIGHT * 2}
    result["recognitionResults"][0]["lines"][0]["words"][0]["text"] = " "
    ((_, page),), report = read(original(tmp_path, image, question(), result=result))
    assert (page.words, page.lines, page.word_boxes.tolist()) == (("2",), ((0,),), [[22, 5, 25, 10]])
    assert report.kept == {"pages whose OCR saw another size": 1} and report.refused == {"blank texts of OCR": 1}
    result["recognitionResults"] *= 2
    said = refusal(DocVqaReader(), original(tmp_path, image, question(), result=result))
    assert said == "DIR/val/ocr_results/ffbg0227_2.json: OCR pages: 2, pages of its image: 1."


def test_a_missing_image_is_refused_or_its_page_left_out(tmp_path, image, refusal):
    source = original(tmp_path, image, question(), question(2, "aaaa0001_1"))
    (source / "val/documents/ffbg0227_2.png").unlink()
    said = refusal(DocVqaReader(), source)
    assert said == (
        "DIR/val/val_v1.0.json, question 0: DIR/val/documents/ffbg0227_2.png is missing. "
        "data.reader.missing_images=leave_out leaves such pages out (counted)."
    )
    pages, report = read(source, DocVqaReader(missing_images="leave_out"))
    assert [page.id for _, page in pages] == ["aaaa0001_1"]
    assert report.refused == {"pages whose image is missing": 1}


def parquet(file: Path, image: bytes, *questions: dict[str, Any], rows: int = 2) -> Path:
    """A file of the hub's columns, in blocks of so many rows."""
    texts = {key: pa.string() for key in question() if key not in ("answers", "image")}
    columns = texts | {"answers": pa.list_(pa.string()), "question_types": pa.list_(pa.string())}
    columns["image"] = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    record = {"answers": None, "question_types": None}
    table = [
        record
        | {key: str(value) if key in texts else value for key, value in item.items()}
        | {"image": {"bytes": image}}
        for item in questions
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(table, pa.schema(list(columns.items()))), file, row_group_size=rows)
    return file


def test_rows_of_one_page_in_the_hubs_files_become_one_page(tmp_path, image):
    items = [question(5), question(6, "ffbg0227_1"), question(7, answers=["II"], question_types=["form"])]
    parquet(tmp_path / "DocVQA" / "validation-00000-of-00002.parquet", image, *items)
    parquet(tmp_path / "DocVQA" / "validation-00001-of-00002.parquet", image, question(8), question(9, "aaaa0001_1"))
    parquet(tmp_path / "DocVQA" / "test-00000-of-00001.parquet", image, question(10, "bbbb0001_1", answers=None))
    parquet(tmp_path / "InfographicVQA" / "test-00000-of-00001.parquet", image, question(11))
    for name in ("ffbg0227_2", "ffbg0227_1", "aaaa0001_1", "bbbb0001_1"):
        write(tmp_path / "spdocvqa_ocr" / f"{name}.json", ocr())
    pages, report = read(tmp_path)
    assert [(split, page.id, page.document_id, page.number) for split, page in pages] == [
        ("validation", "ffbg0227_2", "ffbg0227", 2),
        ("validation", "ffbg0227_1", "ffbg0227", 1),
        ("validation", "aaaa0001_1", "aaaa0001", 1),
        ("test", "bbbb0001_1", "bbbb0001", 1),
    ]
    assert pages[0][1].questions == (
        Question("5", "what is the page no ?", ("2", "page 2")),
        Question("7", "what is the page no ?", ("II",), ("form",)),
        Question("8", "what is the page no ?", ("2", "page 2")),
    )
    assert pages[3][1].questions == (Question("10", "what is the page no ?"),)
    assert all(page.words == ("page", "2") and page.image == image for _, page in pages)
    assert report.lines() == []


def test_tables_that_are_no_docvqa_are_refused(tmp_path, image, refusal):
    file = parquet(tmp_path / "val-00000-of-00001.parquet", image, question(1), question(1))
    where = "DIR/val-00000-of-00001.parquet"
    assert refusal(DocVqaReader(), tmp_path) == (
        f"{where}, row 1: its questionId 1 came before: {where}, row 0. Remove one of them."
    )
    parquet(file, image, question(1, ucsf_document_page_no="../x"))
    assert refusal(DocVqaReader(without_ocr="keep"), tmp_path) == (
        f"{where}, row 0: \"ucsf_document_page_no\" '../x' is no page number."
    )
    parquet(file, image, question(1))
    assert refusal(DocVqaReader(), tmp_path) == (
        "page ffbg0227_2: its OCR file DIR/spdocvqa_ocr/ffbg0227_2.json is missing. "
        "data.reader.without_ocr=keep makes pages without words, leave_out makes none (counted)."
    )
    parquet(file, b"no image", question(1))
    assert refusal(DocVqaReader(without_ocr="keep"), tmp_path).startswith(f"{where}, row 0: its image does not decode")
    pq.write_table(pq.read_table(file).drop(["questionId"]), file)
    assert refusal(DocVqaReader(), tmp_path) == f"{where}: no column questionId, as DocVQA has."


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
    pages, report = read(real_data / "docvqa", DocVqaReader(without_ocr="keep"))
    assert [(split, page.id, page.number, len(page.questions)) for split, page in pages] == [
        ("validation", "ffbg0227_2", 2, 1),
        ("validation", "ffhx0227_1", 1, 1),
        ("validation", "ffjw0228_11", 11, 10),
    ]
    assert pages[0][1].questions[0] == Question("26167", "what is the page no or page mentioned ?", ("2", "page 2"))
    assert report.kept == {"pages without OCR": 3}


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
    assert said.endswith("question 0: '../1.jpeg' is no file inside DIR/infographicsvqa_images. Correct it.")
