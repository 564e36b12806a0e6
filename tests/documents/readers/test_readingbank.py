"""ReadingBank: pairs of lines, the meaning of tgt_index, reversed boxes."""

import json
from pathlib import Path
from typing import Any

import pytest

from docexp.documents.readers.reader import Report
from docexp.documents.readers.readingbank import ReadingbankReader
from docexp.errors import DocexpError

BOXES = [[10, 10, 20, 20], [60, 10, 70, 20], [10, 40, 20, 50]]


def text(**changes: Any) -> dict[str, Any]:
    values = {"src": "left right below", "tgt": "below left right", "tgt_index": [2, 0, 1], "bleu": 0.5}
    return {**values, "original_filename": "doc-7", "filename": "f", "page_idx": 3, **changes}


def layout(**changes: Any) -> dict[str, Any]:
    return {"src": BOXES, "tgt": [BOXES[2], BOXES[0], BOXES[1]], **changes}


def download(folder: Path, texts: list[Any], layouts: list[Any]) -> Path:
    (folder / "train").mkdir(exist_ok=True)
    for kind, lines in (("text", texts), ("layout", layouts)):
        data = "".join(json.dumps(line) + "\r\n" for line in lines)
        (folder / "train" / f"readingbank-{kind}-m1.json").write_bytes(data.encode())
    return folder


def read(source: Path, **settings: Any):
    report = Report()
    return list(ReadingbankReader(validation=None, test=None, **settings).pages(source, report)), report


def test_tgt_index_gives_the_words_in_reading_order(tmp_path):
    pages, report = read(download(tmp_path, [text()], [layout()]))
    page = pages[0][1]
    assert page.reading_order is not None
    assert [page.words[index] for index in page.reading_order] == ["below", "left", "right"]
    assert (page.id, page.document_id, page.number) == ("readingbank-text-m1-0", "doc-7", 3)
    assert (page.width, page.height, page.image) == (1000, 1000, None)
    assert page.word_boxes.tolist() == BOXES
    assert report.kept == {}


def test_an_order_that_does_not_give_the_targets_boxes_is_kept_and_counted(tmp_path):
    _, report = read(download(tmp_path, [text(tgt_index=[0, 1, 2])], [layout()]))
    assert report.kept == {"orders that do not give the boxes of tgt": 1}


def test_reversed_boxes_are_turned_round_by_default_and_refused_on_request(tmp_path, refusal):
    boxes = [[41, 473, 60, 450], *BOXES[1:]]
    source = download(tmp_path, [text()], [layout(src=boxes, tgt=[boxes[2], boxes[0], boxes[1]])])
    pages, report = read(source)
    assert pages[0][1].word_boxes[0].tolist() == [41, 450, 60, 473]
    assert report.repaired == {"reversed boxes turned round": 1} and not report.kept
    assert refusal(ReadingbankReader(validation=None, test=None, repair="none"), source) == (
        'DIR/train/readingbank-layout-m1.json, line 1, word 0 "left": box (41, 473, 60, 450) has y1 < y0. '
        "data.reader.repair=swap turns it round (counted)."
    )


def test_pages_without_a_documents_name_are_counted(tmp_path):
    item = text()
    del item["original_filename"]
    pages, report = read(download(tmp_path, [item], [layout()]))
    assert pages[0][1].document_id == pages[0][1].id
    assert report.kept == {"pages whose document is not told": 1}


@pytest.mark.parametrize(
    ("item", "boxes", "message"),
    [
        (text(src="a b"), layout(), ", line 1: 2 words but 3 boxes in readingbank-layout-m1.json. "),
        (text(tgt_index=[0, 1, 1]), layout(), ", line 1: tgt_index does not name each of the 3 words once."),
        (text(tgt_index=[1, 2, 3]), layout(), ", line 1: tgt_index does not name each of the 3 words once."),
        (text(tgt_index=[0, 1, "2"]), layout(), ", line 1: tgt_index does not name each of the 3 words once."),
        (text(src=5), layout(), ', line 1: "src" is 5, not of type str.'),
        ([], layout(), ", line 1: '[]' is no record with src, tgt_index."),
    ],
)
def test_a_faulty_pair_is_refused(tmp_path, refusal, item, boxes, message):
    assert refusal(ReadingbankReader(validation=None, test=None), download(tmp_path, [item], [boxes])).startswith(
        f"DIR/train/readingbank-text-m1.json{message}"
    )


def test_files_of_unequal_length_and_absent_folders_are_refused(tmp_path, refusal):
    source = download(tmp_path, [text(), text()], [layout()])
    assert refusal(ReadingbankReader(validation=None, test=None), source) == (
        "DIR/train/readingbank-text-m1.json and readingbank-layout-m1.json have not as many lines. Copy both again."
    )
    with pytest.raises(DocexpError, match=r"dev: no \*text\*\.json\* file\. data\.reader\.validation=FOLDER names"):
        list(ReadingbankReader(train=None, test=None).pages(source, Report()))


@pytest.mark.real_data
def test_genuine_layouts_with_made_up_texts(real_data, tmp_path):
    lines = (real_data / "readingbank/layout_only_example.jsonl").read_bytes().split(b"\r\n")
    layouts = [json.loads(line) for line in lines if line]
    texts = []
    for item in layouts:
        places = [tuple(box) for box in item["src"]]
        order = [places.index(tuple(box)) for box in item["tgt"]]
        texts.append(text(src=" ".join(f"w{n}" for n in range(len(places))), tgt_index=order, page_idx=len(texts)))
    pages, report = read(download(tmp_path, texts, layouts))
    assert len(pages) == 23 and report.kept == {}
    assert report.repaired == {"reversed boxes turned round": 3}
    assert sum(list(page.reading_order or ()) == list(range(len(page.words))) for _, page in pages) == 6
