"""OCR files of every format: recognised, read to the same words in the same places, refused where damaged."""

import copy
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.documents.ocr.formats import OcrText, formats, load, read_pages, recognised
from docexp.errors import DocexpError

NAMES = {
    "a.tsv": "Tesseract's tsv",
    "a.hocr": "hOCR",
    "a.xml": "ALTO xml",
    "a.json": "lists of words and boxes",
    "pdfa.json": "pixparse's json (IDL, PDFA)",
    "idl.json": "pixparse's json (IDL, PDFA)",
    "read.json": "Microsoft Read's json",
    "textract.json": "Amazon Textract's json",
    "grouped.json": "Amazon Textract's json",
}


def read(text: str, name: str, width: float = 200, height: float = 100) -> OcrText:
    form, pages = read_pages(load(text.encode(), name, name), name)
    return form.read(pages[0], width, height, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_told_by_its_contents(ocr_samples, name):
    form = recognised(load(ocr_samples.files[name].encode(), name, name))
    assert form is not None and form.name == NAMES[name]
    assert len({form.name for form in formats()}) == len(formats())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "idl.json"])
@pytest.mark.parametrize("times", [1, 2.5])
def test_words_boxes_and_lines_in_pixels_of_the_image(ocr_samples, name, times):
    found = read(ocr_samples.files[name], name, 200 * times, 100 * times)
    assert found.words == ocr_samples.words
    np.testing.assert_allclose(found.boxes, np.array(ocr_samples.boxes) * times, atol=1e-9)
    assert found.lines == ocr_samples.lines


def test_lines_of_idl_are_texts_of_their_own(ocr_samples):
    found = read(ocr_samples.files["idl.json"], "idl.json")
    assert found.words == ("Total: 12", "paid") and found.lines == ((0,), (1,))
    np.testing.assert_allclose(found.boxes, [[20, 10, 110, 30], [20, 50, 60, 70]])


def test_several_pages_are_cut_apart(ocr_samples):
    tsv, hocr, alto = (ocr_samples.files[name] for name in ("a.tsv", "a.hocr", "a.xml"))
    lists, idl, read, textract = (
        json.loads(ocr_samples.files[name]) for name in ("a.json", "idl.json", "read.json", "textract.json")
    )
    blocks = [block | {"Page": page} for page in (2, 1) for block in textract["Blocks"]]
    second = "\n".join(line.replace("\t1", "\t2", 1) for line in tsv.split("\n")[1:])
    for name, text in {
        "a.tsv": tsv + second,
        "a.hocr": hocr.replace("</body>", "<div class='ocr_page' title='bbox 0 0 2 1'></div></body>"),
        "a.xml": alto.replace("</Layout>", '<Page WIDTH="2" HEIGHT="1"/></Layout>'),
        "a.json": json.dumps([lists, lists]),
        "idl.json": json.dumps({"pages": idl["pages"] * 2}),
        "read.json": json.dumps({"recognitionResults": read["recognitionResults"] * 2}),
        "textract.json": json.dumps({"Blocks": blocks}),
    }.items():
        form, pages = read_pages(load(text.encode(), name, name), name)
        assert len(pages) == 2, name
        assert form.read(pages[1], 200, 100, name).words in (ocr_samples.words, (), ("Total: 12", "paid"))


def test_textracts_lines_that_name_no_words_are_derived_later(ocr_samples):
    record = json.loads(ocr_samples.files["grouped.json"])
    for line in record["LINE"]:
        del line["Relationships"]
    assert read(json.dumps(record), "grouped.json").lines is None
    assert read('{"PAGE": [], "LINE": [], "WORD": []}', "grouped.json").words == ()


def test_pixels_and_shares_say_what_page_the_engine_saw(ocr_samples):
    assert [read(ocr_samples.files[name], name).seen for name in ("read.json", "a.json", "textract.json")] == [
        (200, 100),
        (400, 200),
        None,
    ]
    inches = ocr_samples.files["read.json"].replace('"pixel"', '"inch"')
    assert read(inches, "read.json").seen is None


def test_a_hyphen_at_the_line_end_belongs_to_its_word(ocr_samples):
    alto = ocr_samples.files["a.xml"].replace("/></TextLine>", '/><HYP CONTENT="-"/></TextLine>', 1)
    assert read(alto, "a.xml").words == ("Total:", "12-", "paid")


def test_boxes_count_from_the_corner_of_the_page_that_ocr_saw(ocr_samples):
    cut = re.sub(
        r"bbox (\d+) (\d+) (\d+) (\d+)",
        lambda match: "bbox " + " ".join(str(int(value) + 7) for value in match.groups()),
        ocr_samples.files["a.hocr"],
    )
    np.testing.assert_allclose(read(cut, "a.hocr").boxes, ocr_samples.boxes)


def test_a_wrong_encoding_in_the_xml_does_not_matter(ocr_samples):
    assert read(ocr_samples.files["a.xml"].replace("UTF-8", "none"), "a.xml").words == ocr_samples.words


def test_numbers_at_the_border_are_on_it(ocr_samples):
    lists = json.loads(ocr_samples.files["a.json"])
    lists["boxes"][0] = [-1e-8, 0, 400.0000001, 200]
    assert read(json.dumps(lists), "a.json").boxes[0].tolist() == [0, 0, 200, 100]


BOMB = '<!DOCTYPE alto [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("a.tsv", "\t90\t10", "\t9O\t10", "a.tsv, line 5: '9O' is no number."),
        ("a.tsv", "\t96.5\tTotal:", "", "a.tsv, line 4: 10 columns instead of 12."),
        ("a.tsv", "conf\ttext", "text", "is not the header of Tesseract's tsv"),
        ("a.hocr", "bbox 180 20 220 60", "box", "word 1 '12': no \"bbox x0 y0 x1 y1\" in its title 'box; x_wconf 91'."),
        ("a.hocr", "bbox 0 0 400 200", "bbox 0 0 400 400", "400 × 400, but the image is 200 × 100: another shape"),
        ("a.hocr", "bbox 0 0 400 200", "bbox 0 0 0 200", "OCR of a page of 0 × 200"),
        ("a.xml", ' WIDTH="2000"', "", "boxes in mm10, but its Page has no WIDTH and HEIGHT"),
        ("a.xml", 'HPOS="900"', "", "a.xml, word 1 '12': HPOS: 'None' is no number."),
        ("a.xml", "</alto>", "", "damaged xml (no element found"),
        ("a.xml", "<alto ", BOMB + "<alto ", "declares xml entities"),
        ("a.json", '"12"', "12", "\"words\" holds '12', which is no text."),
        (
            "read.json",
            "[20, 50, 60, 50, 60, 70, 20, 70]",
            "[20, 50]",
            'word 0 "paid": its boundingBox has 2 numbers, not',
        ),
        ("read.json", "[20, 50, 60,", '["x", 50, 60,', "line 1, word 0 \"paid\": 'x' is no number."),
        ("read.json", '"lines"', '"words"', 'read.json: no "lines".'),
        ("read.json", '"height": 100', '"height": 200', "200 × 200, but the image is 200 × 100: another shape"),
        ("textract.json", '"Left": 0.45', '"Left": 45', "boxes are to be shares of the page, 0 to 1, not 45.1."),
        ("textract.json", '"w3"]', '"w9"]', "textract.json, line 1: its 1 children are not words of its page."),
        ("textract.json", '"w3"]', '"w2"]', "textract.json: a word is on two lines."),
        ("textract.json", '"BlockType": "PAGE"', '"Page": 1', 'textract.json, block 0: no "BlockType".'),
        ("grouped.json", '"PAGE": [', '"PAGE": [1, ', 'grouped.json: "PAGE" holds what is no block.'),
        ("grouped.json", '"Text": "12", "Geometry"', '"Text": "12", "G"', 'grouped.json, word 1: no "Geometry".'),
        ("a.json", '"12"', "null", "\"words\" holds 'None', which is no text."),
        ("a.json", "[180, 20, 220, 60]", "[180, 20, 220]", 'a.json: "boxes": '),
        ("a.json", ", [40, 100, 120, 140]", "", 'a.json: "boxes": 3 texts but 2 boxes.'),
        ("a.json", "[180,", "[1e999,", "a box holds what is no finite number"),
        ("a.json", "[[0, 1], [2]]", "[[0, 1], [3]]", "are not lists of places in its 3 words"),
        ("a.json", "[[0, 1], [2]]", "[[0, 1], [1]]", "name a word twice"),
        ("a.json", '"boxes"', '"places"', "no OCR output that docexp knows: ALTO xml, hOCR, "),
        ("pdfa.json", "[0, 1], ", "", '"line_pos" is not a line and a place on it for each of 3 words.'),
        ("pdfa.json", "[0.45, 0.1,", "[45, 0.1,", "boxes are to be shares of the page, 0 to 1, not 45"),
        ("a.json", "{", "{{", "a.json: not a json file"),
        ("a.hocr", "&#58;", f"&#{'9' * 5000};", "damaged hOCR (Exceeds the limit"),
        ("a.hocr", "<body>", "<![body>", "damaged hOCR (unknown status keyword"),
    ],
)
def test_damaged_files_are_refused(ocr_samples, name, old, new, said):
    text = ocr_samples.files[name]
    assert old in text
    with pytest.raises(DocexpError) as caught:
        read(text.replace(old, new, 1), name)
    assert said in str(caught.value)
    assert str(caught.value).startswith(name)


def test_what_is_no_utf8_is_refused():
    with pytest.raises(DocexpError, match=r"a\.hocr: not UTF-8 text \(invalid start byte at byte 0\)"):
        load(b"\xff", "a.hocr", "a.hocr")


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(list(NAMES)), data=st.data())
def test_any_damage_gives_words_with_boxes_or_a_refusal(ocr_samples, name, data):
    text = ocr_samples.files[name]
    first = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(first, min(first + 40, len(text))))
    patch = data.draw(st.text(max_size=8) | st.sampled_from(["null", "-1", "[]", "{}", '""', "1e400", "<", "\t"]))
    _check(name, lambda: read(text[:first] + patch + text[stop:], name))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from([name for name in NAMES if name.endswith(".json")]), data=st.data())
def test_any_value_in_a_json_gives_words_with_boxes_or_a_refusal(ocr_samples, name, data):
    record = copy.deepcopy(json.loads(ocr_samples.files[name]))
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    _replace(record, data.draw(st.recursive(plain, _nested)), data)
    _check(name, lambda: read(json.dumps(record), name))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "bbox", "words"]), inner, max_size=2)


def _replace(node: Any, value: Any, data: st.DataObject) -> None:
    """Puts ``value`` at a drawn place."""
    key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
    if isinstance(node[key], dict | list) and len(node[key]) > 0 and data.draw(st.booleans()):
        _replace(node[key], value, data)
    else:
        node[key] = value


def _check(name: str, act: Any) -> None:
    try:
        found = act()
    except DocexpError as error:
        assert str(error).startswith(name)
        return
    assert len(found.words) == len(found.boxes) and np.isfinite(found.boxes).all()
    assert all(isinstance(word, str) for word in found.words)
    indices = [index for line in found.lines or () for index in line]
    assert len(set(indices)) == len(indices) and all(0 <= index < len(found.words) for index in indices)
