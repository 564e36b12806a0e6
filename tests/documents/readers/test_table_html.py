"""Tables as html tokens: PubTabNet and FinTabNet."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docexp.documents.readers.reader import Report
from docexp.documents.readers.table_html import FintabnetReader, PubTabNetReader
from docexp.errors import DocexpError

CELLS = [
    {"tokens": ["<b>", "4", " ", "<", "5", "<sup>", "a", "</sup>", "</b>"], "bbox": [2, 3, 22, 9]},
    {"tokens": []},
    {"bbox": [30, 3, 50, 19], "tokens": [*"x y", "<br>", "z"]},
    {"tokens": [], "bbox": [30, 20, 50, 29]},
    {"tokens": ["q"]},
]


def table(**changes: Any) -> dict[str, Any]:
    html = {"cells": CELLS, "structure": {"tokens": ["<tr>", "<td>", "</td>", "</tr>"]}}
    return {"filename": "PMC10_004_00.png", "split": "train", "imgid": 5, "html": html, **changes}


def download(folder: Path, *tables: Any) -> Path:
    lines = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in tables]
    (folder / "PubTabNet_2.0.0.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "train").mkdir(exist_ok=True)
    file = io.BytesIO()
    Image.new("L", (60, 30), 255).save(file, "PNG")
    (folder / "train/PMC10_004_00.png").write_bytes(file.getvalue())
    return folder


def read(reader: Any, source: Path):
    report = Report()
    return list(reader.pages(source, report)), report


def test_a_cells_characters_become_words_in_its_box(tmp_path):
    pages, report = read(PubTabNetReader(), download(tmp_path, table()))
    split, page = pages[0]
    assert (split, page.id, page.document_id, page.width, page.height) == ("train", "PMC10_004_00", "PMC10", 60, 30)
    assert page.words == ("4", "<5a", "x", "y", "z"), "tags go, a character < stays, a line break parts words"
    assert page.lines == ((0, 1), (2, 3, 4))
    assert page.word_boxes.tolist() == [[2, 3, 22, 9]] * 2 + [[30, 3, 50, 19]] * 3
    assert [(r.label, r.box, r.area) for r in page.regions or ()] == [
        ("cell", (2, 3, 22, 9), 120),
        ("cell", (30, 3, 50, 19), 320),
        ("cell", (30, 20, 50, 29), 180),
    ]
    assert report.refused == {"empty cells without a box": 1, "cells with text and no box": 1}


def test_lines_are_read_by_their_places_and_blank_ones_passed_over(tmp_path):
    source = download(tmp_path, table(filename="ååååå.png"), "", table())
    units = list(PubTabNetReader().units(source, Report()))
    assert [line.number for _, line in units] == [0, 2]
    assert units[1][1].value()["filename"] == "PMC10_004_00.png", "offsets are bytes, not characters"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("{", "not a json file (Expecting property name enclosed in double quotes: line 2 column 1 (char 2))."),
        (table(split="dev"), 'split "dev" is none of train, val, test.'),
        (table(html={}), 'html: no "cells".'),
        (table(html={"cells": [{"tokens": [1]}]}), "cell 0: a token is no text."),
        (table(html={"cells": [{"tokens": [], "bbox": [1, 2, 3]}]}), "cell 0: bbox [1, 2, 3] is not four numbers."),
        (table(filename="../x.png"), "'../x.png' is no file inside"),
    ],
)
def test_a_faulty_line_is_refused_with_file_line_and_cell(tmp_path, item, text):
    source = download(tmp_path, table(), item)
    with pytest.raises(DocexpError) as caught:
        read(PubTabNetReader(), source)
    separator = ", " if not text.startswith(("not", "split", "'")) else ": "
    assert str(caught.value).startswith(f"{source}/PubTabNet_2.0.0.jsonl, line 2{separator}{text}")


def test_fintabnets_points_are_turned_round_in_the_tables_frame(tmp_path):
    cells = [{"tokens": ["a"], "bbox": [100, 570, 120, 580]}, {"tokens": ["b"], "bbox": [100, 500, 301, 510]}]
    item = table(filename="FDX/2017/page_64.pdf", table_id=9, bbox=[100, 500, 300.5, 580], html={"cells": cells})
    source = download(tmp_path, item)
    pages, report = read(FintabnetReader(tables=["PubTabNet_2.0.0.jsonl"]), source)
    page = pages[0][1]
    assert (page.id, page.document_id) == ("FDX/2017/page_64-9", "FDX/2017/page_64")
    assert (page.width, page.height, page.image) == (201, 80, None)
    assert page.word_boxes.tolist() == [[0, 0, 20, 10], [0, 70, 201, 80]]
    assert report.kept == {"tables without a picture": 1}


@pytest.mark.real_data
def test_genuine_fintabnet_tables(real_data):
    reader = FintabnetReader(tables=["FinTabNet_1.0.0_table_val.jsonl"])
    pages, report = read(reader, real_data / "tables_misc/fintabnet")
    assert [len(page.regions or ()) for _, page in pages] == [14, 26, 15, 104]
    assert report.refused == {"empty cells without a box": 35}
    for _, page in pages:
        tops = [region.box[1] for region in page.regions or ()]
        assert tops[0] == min(tops), "the first cell stands in the topmost row"
