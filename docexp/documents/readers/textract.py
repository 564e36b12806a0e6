"""Results of Amazon Textract, as InfographicVQA's OCR files hold them.

Source: Textract's documentation of a block (``Text``, and ``Geometry.BoundingBox`` in shares of the page). That blocks
are grouped by ``PAGE``, ``LINE`` and ``WORD`` is how public loaders of InfographicVQA read them; no such file was at
hand (unverified).
"""

from typing import Any

from docexp.documents.geometry import as_boxes
from docexp.documents.lines import derived_lines
from docexp.documents.readers.boxes import BoxRules
from docexp.documents.readers.files import check_keys
from docexp.documents.readers.ocr_text import OcrText, scaled

SIDES = ("Left", "Top", "Width", "Height")


def read_textract(record: Any, rules: BoxRules, where: str) -> OcrText:
    """The words, boxes and lines of a result, on a page of ``rules.width × rules.height`` pixels.

    Lines are made from the words' places: that ``LINE`` blocks say which words are theirs is unverified.

    Raises:
        DocexpError: no such result, or a box that cannot be on the page; ``where`` comes first.
    """
    check_keys(record, {"WORD": list}, where)
    words, boxes = [], []
    for number, block in enumerate(record["WORD"]):
        place = f"{where}, word {number}"
        check_keys(block, {"Text": str, "Geometry": dict}, place)
        check_keys(block["Geometry"], {"BoundingBox": dict}, f"{place}, Geometry")
        share = block["Geometry"]["BoundingBox"]
        check_keys(share, dict.fromkeys(SIDES, (int, float)), f"{place}, BoundingBox")
        sides = scaled([share[side] for side in SIDES], (1, 1), (rules.width, rules.height))
        boxes.append(rules.xywh(sides, f'{place} "{block["Text"]}"'))
        words.append(block["Text"])
    text = OcrText(words, as_boxes(boxes))
    text.lines = list(derived_lines(words, text.boxes))
    return text
