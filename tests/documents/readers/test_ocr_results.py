"""OCR engines' result files on their way to words: Microsoft Read, Amazon Textract, and the frame they saw."""

from typing import Any

import pytest

from docexp.documents.readers.boxes import BoxRules, Cut
from docexp.documents.readers.ms_read import read_ms_read
from docexp.documents.readers.ocr_text import scaled
from docexp.documents.readers.reader import Report
from docexp.documents.readers.textract import read_textract
from docexp.errors import DocexpError


def rules(width: int = 200, height: int = 100, repair: Cut = "clip") -> BoxRules:
    return BoxRules(width, height, repair, Report())


def ms_read(width: float = 200, height: float = 100, *lines: list[dict[str, Any]]) -> dict[str, Any]:
    pages = [{"page": 1, "width": width, "height": height, "unit": "pixel", "lines": [{"words": w} for w in lines]}]
    return {"status": "Succeeded", "recognitionResults": pages}


def word(text: str, *corners: float) -> dict[str, Any]:
    return {"text": text, "boundingBox": list(corners)}


LINES = [
    [word("Tabs", 20, 12, 60, 10, 61, 20, 21, 22), word("VS", 70, 10, 90, 10, 90, 20, 70, 20)],
    [word("spaces", 20, 40, 210, 40, 210, 50, 20, 50)],
]


def test_microsoft_reads_words_and_lines():
    page = rules()
    text = read_ms_read(ms_read(200, 100, *LINES), page, "ocr.json")
    assert text.words == ["Tabs", "VS", "spaces"] and text.lines == [(0, 1), (2,)]
    assert text.boxes.tolist() == [[20, 10, 61, 22], [70, 10, 90, 20], [20, 40, 200, 50]]
    assert page.report.repaired == {"boxes cut at the page's border": 1} and page.report.kept == {}


def test_another_frame_is_scaled_and_counted():
    page = rules(100, 50)
    text = read_ms_read(ms_read(200, 100, *LINES), page, "ocr.json")
    assert text.boxes.tolist() == [[10, 5, 30.5, 11], [35, 5, 45, 10], [10, 20, 100, 25]]
    assert page.report.kept == {"pages whose OCR saw another size": 1}


def test_the_border_of_a_frame_falls_on_the_border_of_the_page():
    for frame in range(1, 3000, 7):
        assert scaled([0, 0, frame, frame], (frame, frame), (1786, 2285)) == [0, 0, 1786, 2285]


def test_no_words_are_a_page_without_words():
    text = read_ms_read(ms_read(), rules(), "ocr.json")
    assert (text.words, text.boxes.shape, text.lines) == ([], (0, 4), [])


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ([], "o.json: '[]' is no record with recognitionResults."),
        ({"analyzeResult": {}}, 'o.json: no "recognitionResults".'),
        ({"recognitionResults": []}, "o.json: the OCR of 0 pages, not of one."),
        (ms_read(0, 100), "o.json: a page of 0 × 100 is none."),
        (ms_read(float("nan"), 100), "o.json: a page of nan × 100 is none."),
        (ms_read(200, 100, [word("a", 1, 2)]), 'o.json, line 0, word 0 "a": points [1.0, 2.0] are not eight numbers.'),
        (
            ms_read(200, 100, [word("a", *[10**400] * 8)]),
            f'o.json, line 0, word 0 "a": points {str([10**400])[:80]}… are not eight numbers.',
        ),
        (ms_read(200, 100, [{"text": "a"}]), 'o.json, line 0, word 0: no "boundingBox".'),
    ],
)
def test_what_is_no_result_of_microsoft_read_is_refused(record, text):
    with pytest.raises(DocexpError) as caught:
        read_ms_read(record, rules(), "o.json")
    assert str(caught.value) == text


def block(text: str, left: float, top: float, width: float, height: float) -> dict[str, Any]:
    box = {"Width": width, "Height": height, "Left": left, "Top": top}
    return {"BlockType": "WORD", "Text": text, "Geometry": {"BoundingBox": box}}


def test_textracts_shares_become_pixels_and_lines():
    words = [
        block("Most", 0.25, 0.25, 0.125, 0.125),
        block("used", 0.375, 0.25, 0.125, 0.125),
        block("x", 0, 0.5, 1, 0.5),
    ]
    text = read_textract({"PAGE": [], "LINE": [], "WORD": words}, rules(200, 400), "o.json")
    assert text.words == ["Most", "used", "x"] and text.lines == [(0, 1), (2,)]
    assert text.boxes.tolist() == [[50, 100, 75, 150], [75, 100, 100, 150], [0, 200, 200, 400]]


def test_what_is_no_result_of_textract_is_refused():
    for record, text in (
        ({"Blocks": []}, 'o.json: no "WORD".'),
        ({"WORD": [{"Text": "a", "Geometry": {}}]}, 'o.json, word 0, Geometry: no "BoundingBox".'),
        (
            {"WORD": [block("a", 0, 0, float("inf"), 1)]},
            'o.json, word 0 "a": box (0, 0, inf, 1) is not finite. Correct',
        ),
    ):
        with pytest.raises(DocexpError) as caught:
            read_textract(record, rules(), "o.json")
        assert str(caught.value).startswith(text)
