"""Shards as a Hugging Face dataset: read by its library, and back to the same pages."""

import io
from pathlib import Path

import pytest
from PIL import Image

from docexp.documents.page import Entity, Question, Region, Relation
from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.hub import HubReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.export import export_dataset
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards


def everything(make_page):
    """Pages that carry each kind of annotation, some, and none; with an image, a smaller one, none."""
    rich = {
        "lines": ((0, 2), (1,)),
        "relations": (Relation(0, 1), Relation(1, 0, "other")),
        "document_class": "scientific report",
        "document_tags": ("memo", "zwölf"),
        "questions": (Question("7", "Wie viel?", ("12", "zwölf"), ("layout",)), Question("", "?")),
        "regions": (
            Region("text", (0, 0.25, 9, 9), 80.5, True, ((0.0, 0.5, 9.0, 0.0, 9.0, 9.0),)),
            Region("t", (0, 0, 1, 1), 1),
        ),
        "reading_order": (2, 0),
        "fields": {"total": ("12", "12.00"), "": ()},
    }
    jpeg = io.BytesIO()
    Image.new("RGB", (3, 4), "red").save(jpeg, "jpeg")
    empty = dict.fromkeys(rich, ())
    yield "train", make_page("p/1", document="d", number=3, **rich)
    yield "train", make_page("p2", words=(), **empty | {"document_class": "", "fields": {}, "entities": ()})
    yield "train", make_page("p3", entities=None, regions=None, image=jpeg.getvalue(), image_format="jpg")
    yield "extra", make_page("p4", image=None, entities=(Entity("key", (), (1, 1, 2, 3), "id4"),))
    yield "test", make_page("p5", words=("ä", "\n", "中"), document_class="letter")


def by_id(index):
    reader = ShardReader(index)
    return {page.id: (page.to_json(), page.image, page.image_format) for page in map(reader.read, range(len(index)))}


def test_the_library_reads_every_value_and_the_reader_gives_the_same_pages(tmp_path, make_page, facts):
    import datasets

    index = write_shards(everything(make_page), tmp_path / "set", facts)
    files = export_dataset(index, tmp_path / "hf")
    assert [file.name for file in files] == [
        f"{split}-00000-of-00001.parquet" for split in ("extra", "minival", "test", "train")
    ]
    loaded = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 2, "minival": 1, "test": 1, "extra": 1}
    features = loaded["train"].features
    assert features["document_class"].names == ["", "letter", "scientific report"]
    assert features["entities"].feature["label"].names == ["blank", "key"]
    assert isinstance(features["image"], datasets.Image)
    rows = {row["id"]: row for split in loaded.values() for row in split}
    pages = by_id(index)
    assert rows.keys() == pages.keys()
    for name, row in rows.items():
        record, image, _ = pages[name]
        for key in ("document_id", "number", "width", "height", "words", "word_boxes"):
            assert row[key] == record[key], (name, key)
        for key in ("lines", "questions", "reading_order", "document_tags"):
            assert row[key] == record.get(key), (name, key)
        labels = features["entities"].feature["label"]
        made = [item | {"label": labels.int2str(item["label"])} for item in row["entities"] or ()]
        assert made == [item | {"box": list(map(float, item["box"]))} for item in record.get("entities", [])]
        assert (row["image"] is None) == (image is None)
    assert rows["p3"]["image"].size == (3, 4)
    report = Report()
    back = write_shards(HubReader().pages(tmp_path / "hf", report), tmp_path / "back", facts)
    assert by_id(back) == pages
    assert report.lines() == []
    assert {name: contents.pages for name, contents in back.splits.items()} == {
        name: contents.pages for name, contents in index.splits.items()
    }


def test_large_sets_are_written_in_groups_and_files(tmp_path, make_set, monkeypatch):
    index = make_set()
    files = export_dataset(index, tmp_path / "hf", file_bytes=1)
    assert len(files) == 3  # a row group is not divided
    seen: list[int] = []
    monkeypatch.setattr("docexp.shards.export.GROUP_ROWS", 10)
    files = export_dataset(index, tmp_path / "small", file_bytes=1, progress=seen.append)
    assert [file.name for file in files if file.name.startswith("train")] == [
        f"train-{n:05d}-of-00004.parquet" for n in range(4)
    ]
    assert sum(seen) == len(index) and max(seen) == 10
    units = list(HubReader().units(tmp_path / "small", Report()))
    assert [unit.first for unit in units if unit.file.split == "train"] == [0, 10, 20, 30]
    back = {page.id: page.to_json() for unit in units for _, page in HubReader().read(unit, Report())}
    assert back == {name: record for name, (record, _, _) in by_id(index).items()}


def test_the_card_says_licence_counts_and_splits(tmp_path, make_set):
    index = make_set()
    export_dataset(index, tmp_path / "hf")
    card = (tmp_path / "hf" / "README.md").read_text()
    assert card.startswith('---\npretty_name: "tiny"\nlicense: other\nlicense_name: "none"\nsize_categories:\n- n<1K\n')
    train = index.splits["train"]
    assert (
        f"| train | {train.pages} | {train.documents} | {train.words:,} | {2 * train.pages} | {train.pages} |" in card
    )
    assert "  - split: minival\n    path: data/minival-*\n" in card
    assert "Entities: blank, key." in card


def test_what_is_there_stays(tmp_path, make_set):
    index = make_set()
    out = tmp_path / "hf"
    out.mkdir()
    export_dataset(index, out)
    before = sorted((out / "data").iterdir())
    with pytest.raises(DocexpError, match="is there and not empty"):
        export_dataset(index, out)
    assert sorted((out / "data").iterdir()) == before
    path = index.path(0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(DocexpError, match="does not match its checksum"):
        export_dataset(index, tmp_path / "damaged")
    assert not (tmp_path / "damaged").exists() and not list(tmp_path.glob("*.partial"))


@pytest.mark.real_data
def test_funsd_comes_back_the_same(tmp_path, real_data: Path, facts):
    index = write_shards(FunsdReader().pages(real_data / "funsd", Report()), tmp_path / "set", facts)
    export_dataset(index, tmp_path / "hf")
    back = {
        page.id: (page.to_json(), page.image, page.image_format)
        for _, page in HubReader().pages(tmp_path / "hf", Report())
    }
    assert len(back) == 199 and back == by_id(index)
