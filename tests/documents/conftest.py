"""What tests of documents share: small images, damaged files, and one page in every format of OCR files."""

import copy
import io
import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from docexp.documents.page import Page
from docexp.documents.readers.reader import SPLITS, Report
from docexp.errors import DocexpError

# One page of 200 × 100 pixels, "Total: 12" above "paid", in every format of OCR files.
WORDS = ("Total:", "12", "paid")
BOXES = [[20, 10, 80, 30], [90, 10, 110, 30], [20, 50, 60, 70]]
LINES = ((0, 1), (2,))

TSV = "\n".join(
    [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "1\t1\t0\t0\t0\t0\t0\t0\t200\t100\t-1\t",
        "4\t1\t1\t1\t1\t0\t20\t10\t90\t20\t-1\t",
        "5\t1\t1\t1\t1\t1\t20\t10\t60\t20\t96.5\tTotal:",
        "5\t1\t1\t1\t1\t2\t90\t10\t20\t20\t91\t12",
        "5\t1\t2\t1\t1\t1\t20\t50\t40\t20\t95\tpaid",
        "",
    ]
)
HOCR = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html><head><meta name='ocr-system' content='tesseract'></head><body>
<div class='ocr_page' id='page_1' title='image "a;b.png"; bbox 0 0 400 200; ppageno 0'>
 <div class='ocr_carea' title="bbox 40 20 220 60"><p class='ocr_par'>
  <span class='ocr_line' title="bbox 40 20 220 60; baseline 0 -4">
   <span class='ocrx_word' title='bbox 40 20 160 60; x_wconf 96'><strong>To<span>tal</span></strong>&#58;</span>
   <span class='ocrx_word' title='bbox 180 20 220 60; x_wconf 91'>12</span></span>
  <span class='ocr_header' title="bbox 40 100 120 140"><span class='ocrx_word' title='bbox 40 100 120 140'>paid</span>
  </span></p></div></div></body></html>
"""
ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Description><MeasurementUnit>mm10</MeasurementUnit></Description>
<Layout><Page ID="P1" PHYSICAL_IMG_NR="1" WIDTH="2000" HEIGHT="1000"><PrintSpace><TextBlock>
<TextLine><String CONTENT="Total:" HPOS="200" VPOS="100" WIDTH="600" HEIGHT="200"/><SP/>
<String CONTENT="12" HPOS="900" VPOS="100" WIDTH="200" HEIGHT="200"/></TextLine>
<TextLine><String CONTENT="paid" HPOS="200" VPOS="500" WIDTH="400" HEIGHT="200"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>
"""
LISTS = {"width": 400, "height": 200, "words": list(WORDS), "lines": [[0, 1], [2]]} | {
    "boxes": [[2 * value for value in box] for box in BOXES]
}
LINE_BOXES = [[0.1, 0.1, 0.45, 0.2], [0.1, 0.5, 0.2, 0.2]]
PDFA = {
    "pages": [
        {
            "words": {
                "text": list(WORDS),
                "bbox": [[0.1, 0.1, 0.3, 0.2], [0.45, 0.1, 0.1, 0.2], [0.1, 0.5, 0.2, 0.2]],
                "line_pos": [[0, 0], [0, 1], [1, 0]],
            },
            "lines": {"text": ["Total: 12", "paid"], "bbox": LINE_BOXES},
        }
    ]
}
READ = {
    "status": "Succeeded",
    "recognitionResults": [
        {
            "page": 1,
            "clockwiseOrientation": 359.9,
            "width": 200,
            "height": 100,
            "unit": "pixel",
            "lines": [
                {
                    "words": [
                        {"text": "Total:", "boundingBox": [20, 12, 79, 10, 80, 28, 21, 30]},
                        {"text": "12", "boundingBox": [90, 10, 110, 10, 110, 30, 90, 30], "confidence": "Low"},
                    ]
                },
                {"words": [{"text": "paid", "boundingBox": [20, 50, 60, 50, 60, 70, 20, 70]}]},
            ],
        }
    ],
}


def _block(kind: str, name: str, text: str, box: list[float], *children: str) -> dict[str, Any]:
    sides = dict(zip(("Left", "Top", "Width", "Height"), box, strict=True))
    block = {"BlockType": kind, "Id": name, "Text": text, "Geometry": {"BoundingBox": sides}}
    return block | ({"Relationships": [{"Type": "CHILD", "Ids": list(children)}]} if children else {})


TEXTRACT_LINES = [
    _block("LINE", "l1", "Total: 12", [0.1, 0.1, 0.45, 0.2], "w1", "w2"),
    _block("LINE", "l2", "paid", [0.1, 0.5, 0.2, 0.2], "w3"),
]
TEXTRACT_WORDS = [
    _block("WORD", "w1", "Total:", [0.1, 0.1, 0.3, 0.2]),
    _block("WORD", "w2", "12", [0.45, 0.1, 0.1, 0.2]),
    _block("WORD", "w3", "paid", [0.1, 0.5, 0.2, 0.2]),
]
PAGE_BLOCK = {"BlockType": "PAGE", "Id": "p", "Relationships": [{"Type": "CHILD", "Ids": ["l1", "l2"]}]}
TEXTRACT = {"DocumentMetadata": {"Pages": 1}, "Blocks": [PAGE_BLOCK, *TEXTRACT_LINES, *TEXTRACT_WORDS]}
GROUPED = {"PAGE": [PAGE_BLOCK], "LINE": TEXTRACT_LINES, "WORD": TEXTRACT_WORDS}
IDL = {"pages": [{"text": ["Total: 12", "paid"], "bbox": LINE_BOXES, "poly": [], "score": [0.99, 0.98]}]}


@pytest.fixture(scope="session")
def ocr_samples() -> SimpleNamespace:
    """``words``, ``boxes`` and ``lines`` of that page, and ``files``: its OCR under a name for each format."""
    texts = {"a.tsv": TSV, "a.hocr": HOCR, "a.xml": ALTO}
    records = {"a.json": LISTS, "pdfa.json": PDFA, "idl.json": IDL}
    records |= {"read.json": READ, "textract.json": TEXTRACT, "grouped.json": GROUPED}
    files = texts | {name: json.dumps(record) for name, record in records.items()}
    return SimpleNamespace(words=WORDS, boxes=BOXES, lines=LINES, files=files)


ODD = [None, True, -1, 0, 7, -5.5, 2**60, 10**400, 1e308, float("nan"), float("inf"), [], {}, [1, 2], [[0, 0]]]
ODD += ["", "x", "7", "\ud800", "../../x", "a\0b", "n" * 300]


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Encoded grey images of a given size."""

    def make(width: int, height: int, kind: str = "png", shade: int = 255) -> bytes:
        file = io.BytesIO()
        Image.new("L", (width, height), shade).save(file, kind)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """What a reader says when it refuses a folder, which is called DIR."""

    def say(reader: Any, source: Path) -> str:
        with pytest.raises(DocexpError) as caught:
            list(reader.pages(source, Report()))
        text = str(caught.value)
        assert len(text.splitlines()) <= 2
        return text.replace(str(source), "DIR")

    return say


@pytest.fixture(scope="session")
def survives() -> Callable[..., None]:
    """Reads a folder and accepts pages with valid splits, or a refusal in one or two lines, and nothing else."""

    def read(reader: Any, source: Path) -> None:
        report = Report()
        try:
            for unit in reader.units(source, report):
                for split, page in reader.read(pickle.loads(pickle.dumps(unit)), report):
                    assert split in SPLITS and isinstance(page, Page)
                    assert Page.from_json(page.to_json()).words == page.words
        except DocexpError as error:
            assert 1 <= len(str(error).splitlines()) <= 2
        report.lines()

    return read


@pytest.fixture(scope="session")
def damaged() -> Callable[..., Any]:
    """A copy of a json value, changed at one or two places that the seed chooses."""

    def damage(value: Any, seed: int) -> Any:
        rng = random.Random(seed)
        value = copy.deepcopy(value)
        for _ in range(rng.choice([1, 1, 2])):
            places = list(_places(value))
            if not places:
                break
            holder, key = rng.choice(places)
            action = rng.random()
            if action < 0.15:
                del holder[key]
            elif action < 0.25 and isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            else:
                holder[key] = copy.deepcopy(rng.choice(ODD))
        return value

    return damage


@pytest.fixture(scope="session")
def dumped() -> Callable[..., bytes]:
    """A json value as a file's bytes, which one seed in eight cuts off or spoils."""

    def dump(value: Any, seed: int) -> bytes:
        data = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        rng = random.Random(-seed)
        if seed % 8 == 7:
            place = rng.randrange(len(data))
            return (
                data[:place] if rng.random() < 0.5 else data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
            )
        return data

    return dump


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])
