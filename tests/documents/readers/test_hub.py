"""Datasets of the hub's form, made with its library: columns, scales, tags, splits, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from docexp.documents.page import Page
from docexp.documents.readers.hub import HubReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

TAGS = ["O", "B-KEY", "I-KEY"]


def picture(width: int = 400, height: int = 600) -> bytes:
    data = io.BytesIO()
    Image.new("L", (width, height), 200).save(data, "png")
    return data.getvalue()


def form(number: int, boxes, **changes) -> dict:
    words = [f"w{number}", "is", "here"]
    return {
        "id": str(number),
        "tokens": words,
        "bboxes": boxes,
        "ner_tags": [1, 2, 0],
        "image": {"bytes": picture(), "path": None},
    } | changes


BOXES = [[100, 100, 600, 150], [600, 100, 900, 150], [100, 900, 200, 950]]


def dataset(rows: list[dict], box: str = "int64"):
    from datasets import ClassLabel, Dataset, Features, List, Value
    from datasets import Image as ImageFeature

    types = {
        "id": Value("string"),
        "tokens": List(Value("string")),
        "bboxes": List(List(Value(box))),
        "ner_tags": List(ClassLabel(names=TAGS)),
        "image": ImageFeature(),
        "label": ClassLabel(names=["memo", "form"]),
        "question": Value("string"),
        "answers": List(Value("string")),
        "colour": Value("string"),
    }
    return Dataset.from_list(rows, features=Features({name: types[name] for name in rows[0]}))


def parquet(file: Path, rows: list[dict], **options) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset(rows, **options).to_parquet(str(file))
    return file


def read(source: Path, **options):
    report = Report()
    return list(HubReader(**options).pages(source, report)), report


def refusal(source: Path, **options) -> str:
    with pytest.raises(DocexpError) as caught:
        read(source, **options)
    return str(caught.value)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two splits of forms as FUNSD is on the hub: ids that begin anew in each, boxes in thousandths."""
    from datasets import DatasetDict

    splits = {"train": [form(0, BOXES), form(1, BOXES)], "validation": [form(0, BOXES)]}
    folder = tmp_path / "saved"
    DatasetDict({name: dataset(rows) for name, rows in splits.items()}).save_to_disk(str(folder))
    return folder


def test_what_save_to_disk_writes_is_read(saved):
    pages, report = read(saved)
    assert [(split, page.id) for split, page in pages] == [
        ("train", "train-0"),
        ("train", "train-1"),
        ("validation", "validation-0"),
    ]
    page = pages[1][1]
    assert page.words == ("w1", "is", "here") and (page.width, page.height) == (400, 600)
    np.testing.assert_allclose(page.word_boxes, [[40, 60, 240, 90], [240, 60, 360, 90], [40, 540, 80, 570]])
    [entity] = page.entities or ()
    assert (entity.label, entity.words, entity.box) == ("KEY", (0, 1), (40, 60, 360, 90))
    assert page.lines == ((0, 1), (2,)) and page.image == picture()
    assert report.lines() == [
        "kept, with a note: 1 column id with the same id twice (pages are named by split and row)"
    ]


def test_folders_of_parquet_tell_splits_and_configurations(tmp_path):
    for name in ("a/train/0000", "a/data/test-00000-of-00001", "b/dev-00000-of-00001"):
        parquet(tmp_path / f"{name}.parquet", [form(len(name), BOXES)])
    assert "has several configurations: a, b. Give data.reader.config=NAME." in refusal(tmp_path)
    assert "has no configuration c. It has a, b." in refusal(tmp_path, config="c")
    assert [(split, page.id) for split, page in read(tmp_path, config="a")[0]] == [("test", "26"), ("train", "12")]
    assert [split for split, _ in read(tmp_path, config="b")[0]] == ["validation"]
    parquet(tmp_path / "c" / "extra-00000-of-00001.parquet", [form(1, BOXES)])
    assert [split for split, _ in read(tmp_path / "c")[0]] == ["extra"]
    file = parquet(tmp_path / "d" / "rows.parquet", [form(1, BOXES)])
    assert refusal(tmp_path / "d") == f"{file}: its name tells no split. Give data.reader.split=train."
    assert [split for split, _ in read(tmp_path / "d", split="test")[0]] == ["test"]


@pytest.mark.parametrize(
    ("boxes", "kind", "options", "first"),
    [
        ([[0, 0, 1100, 20]] * 3, "int64", {"image": {"bytes": picture(1200, 90), "path": None}}, [0, 0, 1100, 20]),
        ([[0.1, 0.1, 0.6, 0.15]] * 3, "float64", {}, [40, 60, 240, 90]),
        (BOXES, "int64", {}, [40, 60, 240, 90]),
    ],
)
def test_the_scale_of_boxes_is_found_out(tmp_path, boxes, kind, options, first):
    parquet(tmp_path / "train.parquet", [form(0, boxes, **options)], box=kind)
    [(_, page)], _ = read(tmp_path)
    np.testing.assert_allclose(page.word_boxes[0], first)


def test_a_scale_that_cannot_be_told_is_refused(tmp_path):
    boxes = [[10, 10, 60, 15]] * 3
    parquet(tmp_path / "train.parquet", [form(0, boxes)])
    assert refusal(tmp_path) == (
        f"{tmp_path}: its boxes reach 60, which may be pixels or thousandths of the page. "
        "Say which: data.reader.box_scale=pixels or 0..1000."
    )
    assert read(tmp_path, box_scale="pixels")[0][0][1].word_boxes[0].tolist() == [10, 10, 60, 15]
    np.testing.assert_allclose(read(tmp_path, box_scale="0..1000")[0][0][1].word_boxes[0], [4, 6, 24, 9])
    # one page of three with a box beyond the image is a fault of that page, not another scale
    rows = [form(n, [[10, 10, 60, 15]] * 2 + [[0, 0, 401 if n == 2 else 9, 9]]) for n in range(3)]
    parquet(tmp_path / "train.parquet", rows)
    assert "may be pixels or thousandths" in refusal(tmp_path)
    assert "box (0, 0, 401, 9) is outside the page of 400 × 600" in refusal(tmp_path, box_scale="pixels")
    assert read(tmp_path, box_scale="pixels", repair="clip")[1].repaired == {"boxes cut at the page's border": 1}


def test_pages_without_images_lie_on_paper_of_a_thousand(tmp_path):
    rows = [{name: value for name, value in form(0, BOXES).items() if name != "image"}]
    parquet(tmp_path / "train.parquet", rows)
    assert "may be pixels or thousandths" in refusal(tmp_path)
    [(_, page)], report = read(tmp_path, box_scale="0..1000")
    assert (page.width, page.height) == (1000, 1000) and page.word_boxes[0].tolist() == BOXES[0]
    assert report.lines() == ["kept, with a note: 1 page without its image"]
    assert "boxes in pixels, but neither an image nor width and height." in refusal(tmp_path, box_scale="pixels")


def test_classes_and_questions(tmp_path):
    image = {"bytes": picture(), "path": None}
    rows = [
        {"id": "a", "image": image, "label": 1, "question": "Who?", "answers": ["he", "she"], "colour": "red"},
        {"id": "b", "image": image, "label": None, "question": None, "answers": None, "colour": "red"},
    ]
    parquet(tmp_path / "test.parquet", rows)
    pages, report = read(tmp_path)
    first, second = (page for _, page in pages)
    assert (first.document_class, first.words) == ("form", ())
    assert first.questions is not None and first.questions[0].answers == ("he", "she")
    assert (second.document_class, second.questions, second.entities) == (None, None, None)
    assert report.lines() == ["left out: 1 column that is not read (colour)"]


def test_numbers_without_names_are_given_them(tmp_path):
    row = form(0, BOXES)
    (tmp_path / "train").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "train" / "x.parquet")
    assert '"ner_tags" holds 1 without a name. Give data.reader.label_names=[…].' in refusal(tmp_path)
    [(_, page)], _ = read(tmp_path, label_names=TAGS)
    assert page.entities is not None and page.entities[0].label == "KEY" and page.image == picture()


def test_columns_may_be_named(tmp_path):
    row = form(0, BOXES)
    row["texts"] = row.pop("tokens")
    (tmp_path / "train").mkdir()
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "train" / "x.parquet")
    wrong = {"colums": {"word": "texts"}, "column": {"words": "text"}}
    assert "data.reader.columns.word is none of id, " in refusal(tmp_path, columns=wrong["colums"])
    assert "has no column text, only " in refusal(tmp_path, columns=wrong["column"])
    [(_, page)], _ = read(tmp_path, columns={"words": "texts"}, label_names=TAGS)
    assert page.words == ("w0", "is", "here")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bboxes": BOXES[:2]}, '"bboxes": 3 texts but 2 boxes.'),
        ({"bboxes": [*BOXES[:2], [950, 0, 100, 9]]}, "word 2 'here': box (380, 0, 40, 5.4) has x1 < x0"),
        ({"ner_tags": [1, 2]}, '3 words but 2 tags ("ner_tags").'),
        ({"image": {"bytes": b"no image", "path": None}}, "its image does not decode"),
        ({"image": {"bytes": None, "path": "a.png"}}, "the path of an image, not the image itself."),
        ({"bboxes": None}, "words without boxes."),
        ({"tokens": ["a", None, "b"]}, '"tokens" is no list of texts.'),
    ],
)
def test_faulty_rows_name_file_and_row(tmp_path, changes, said):
    rows = [form(0, BOXES), form(1, BOXES, **changes)]
    (tmp_path / "train").mkdir()
    file = tmp_path / "train" / "x.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=dataset([form(0, BOXES)]).features.arrow_schema), file)
    text = refusal(tmp_path, box_scale="0..1000")
    assert text.startswith(f"{file}, row 1 of train") and said in text


def test_what_is_no_dataset_is_refused(tmp_path):
    assert "no dataset here: neither parquet files nor" in refusal(tmp_path)
    (tmp_path / "x.tar").touch()
    assert "holds tars: read them with data=ocr_idl" in refusal(tmp_path)
    (tmp_path / "funsd.py").write_text("import os")
    assert "a dataset with a loading script (funsd.py); docexp runs no code of a dataset." in refusal(tmp_path)
    (tmp_path / "train.parquet").write_bytes(b"PAR1 and more")
    assert f"{tmp_path / 'train.parquet'}: damaged, or no file of a dataset" in refusal(tmp_path)
    pq.write_table(pa.table({"number": [1]}), tmp_path / "train.parquet")
    assert "neither words nor images among its columns number." in refusal(tmp_path)


@pytest.mark.parametrize(
    "features",
    [b"\xff", b"{", b"[" * 100_000, b"null", b'{"info": {"features": {"tokens": []}}}']
    + [b'{"info": {"features": {"tokens": {"_type": %s}}}}' % kind for kind in (b'"List"', b'"Nope"', b"5")],
)
def test_damaged_features_are_refused(tmp_path, features):
    """A file's metadata that the hub's library cannot read: whatever it raises becomes one error."""
    table = pa.table({"tokens": [["a"]]}).replace_schema_metadata({b"huggingface": features})
    pq.write_table(table, tmp_path / "train.parquet")
    said = refusal(tmp_path)
    assert said.startswith(f"{tmp_path / 'train.parquet'}: its columns are of types that cannot be read (")
    assert len(said.splitlines()) <= 2


def test_the_hub_is_asked_only_by_name_and_with_leave(tmp_path, monkeypatch):
    asked = []

    def snapshot_download(name: str, **options) -> str:
        asked.append((name, options))
        return str(tmp_path)

    parquet(tmp_path / "train.parquet", [form(0, BOXES)])
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    for leave in ("", "1"):
        monkeypatch.setenv("DOCEXP_ONLINE", leave)
        assert len(read(Path("hub:owner/name@refs/convert/parquet"))[0]) == 1
    read(Path("hub:owner/name"))
    assert [(name, options["revision"], options["local_files_only"]) for name, options in asked] == [
        ("owner/name", "refs/convert/parquet", True),
        ("owner/name", "refs/convert/parquet", False),
        ("owner/name", None, False),
    ]
    assert all(options["repo_type"] == "dataset" and options["allow_patterns"] == ["*.parquet"] for _, options in asked)
    text = "source=owner/name is no folder here. For the hub's dataset: source=hub:owner/name"
    assert refusal(Path("owner/name")) == text
    assert "does not exist" in refusal(tmp_path / "none")
    assert "is no folder, and no hub id" in refusal(Path("hub:no id"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_give_pages_or_a_refusal(saved, data):
    file = saved / "train" / "data-00000-of-00001.arrow"
    whole = file.with_suffix(".whole")
    if not whole.exists():
        whole.write_bytes(file.read_bytes())
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2]))])
    try:
        pages, _ = read(saved)
    except DocexpError:
        return
    assert all(isinstance(page, Page) for _, page in pages)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_gives_pages_or_a_refusal(tmp_path, data):
    plain = st.none() | st.integers(-5, 2000) | st.floats() | st.text(max_size=3) | st.binary(max_size=3)
    row = form(0, BOXES)
    for name in data.draw(st.lists(st.sampled_from(list(row)), min_size=1, max_size=2)):
        row[name] = data.draw(plain | st.lists(plain, max_size=3) | st.lists(st.lists(plain, max_size=4), max_size=3))
    row |= {"label": data.draw(plain), "question": data.draw(plain), "answers": data.draw(plain)}
    (tmp_path / "train").mkdir(exist_ok=True)
    try:
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "train" / "x.parquet")
    except (pa.ArrowException, OverflowError):
        return
    try:
        pages, _ = read(tmp_path, box_scale=data.draw(st.sampled_from(["auto", "0..1000"])))
    except DocexpError:
        return
    assert all(isinstance(page, Page) for _, page in pages)
