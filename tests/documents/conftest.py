"""One page of 200 × 100 pixels, "Total: 12" above "paid", in every format of OCR files."""

import json
from types import SimpleNamespace

import pytest

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
IDL = {"pages": [{"text": ["Total: 12", "paid"], "bbox": LINE_BOXES, "poly": [], "score": [0.99, 0.98]}]}


@pytest.fixture(scope="session")
def ocr_samples() -> SimpleNamespace:
    """``words``, ``boxes`` and ``lines`` of that page, and ``files``: its OCR under a name for each format."""
    texts = {"a.tsv": TSV, "a.hocr": HOCR, "a.xml": ALTO}
    records = {"a.json": LISTS, "pdfa.json": PDFA, "idl.json": IDL}
    files = texts | {name: json.dumps(record) for name, record in records.items()}
    return SimpleNamespace(words=WORDS, boxes=BOXES, lines=LINES, files=files)
