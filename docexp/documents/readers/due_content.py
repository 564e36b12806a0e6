"""What an OCR engine found in a document, as the DUE benchmark stores it.

Source: DUE's ``documents_content.jsonl``: for each engine the layer of tokens with their positions, and structures as
half-open ranges of tokens with positions of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docexp.documents.geometry import as_boxes
from docexp.documents.readers.boxes import BoxRules
from docexp.documents.readers.files import check_keys
from docexp.documents.readers.ocr_text import OcrText, scaled
from docexp.errors import DocexpError


@dataclass(frozen=True)
class Content:
    """One engine's tokens of one page, whose frame is ``width × height`` pixels."""

    where: str
    tokens: Sequence[str]
    positions: Sequence[Any]
    lines: Sequence[Any]
    width: int
    height: int


def content_of(contents: Sequence[Any], engine: str, where: str) -> Content:
    """The content that ``engine`` found.

    Raises:
        DocexpError: that engine has none (those that have are named), or it is not of this form, or of several pages.
    """
    for item in contents:
        check_keys(item, {"tool_name": str}, where)
    chosen = [item for item in contents if item["tool_name"] == engine]
    if len(chosen) != 1:
        present = ", ".join(item["tool_name"] for item in contents)
        raise DocexpError(
            f"{where}: {len(chosen) or 'no'} content of OCR engine {engine}; there is {present}. Set data.reader.ocr."
        )
    where = f"{where}, {engine}"
    check_keys(chosen[0], {"tokens_layer": dict}, where)
    layer = chosen[0]["tokens_layer"]
    check_keys(layer, {"tokens": list, "positions": list, "structures": dict}, where)
    check_keys(layer["structures"], {"pages": dict, "lines": dict}, f"{where}, structures")
    for name in ("pages", "lines"):
        check_keys(layer["structures"][name], {"structure_value": list, "positions": list}, f"{where}, {name}")
    width, height = _frame(layer["structures"]["pages"]["positions"], where)
    lines = layer["structures"]["lines"]["structure_value"]
    return Content(where, layer["tokens"], layer["positions"], lines, width, height)


def read_content(content: Content, rules: BoxRules) -> OcrText:
    """The content's words, boxes and lines, scaled from its frame to a page of ``rules.width × rules.height`` pixels.

    Raises:
        DocexpError: tokens without positions, a token that is no text, a line that is no range of them, a faulty box.
    """
    tokens, where = content.tokens, content.where
    if len(tokens) != len(content.positions):
        raise DocexpError(f"{where}: {len(tokens)} tokens but {len(content.positions)} positions. Copy the file again.")
    if not all(isinstance(token, str) for token in tokens):
        raise DocexpError(f"{where}: a token is no text. Copy the file again.")
    frame, size = (content.width, content.height), (rules.width, rules.height)
    boxes = [
        rules.box(scaled(position, frame, size), f'{where}, token {number} "{token}"')
        for number, (token, position) in enumerate(zip(tokens, content.positions, strict=True))
    ]
    lines = [_range(line, len(tokens), where) for line in content.lines]
    return OcrText(list(tokens), as_boxes(boxes), lines)


def _frame(positions: Sequence[Any], where: str) -> tuple[int, int]:
    if len(positions) != 1:
        raise DocexpError(f"{where}: content of {len(positions)} pages, not of one.")
    frame = positions[0]
    if not (
        isinstance(frame, list)
        and len(frame) == 4
        and all(type(value) is int for value in frame)
        and frame[:2] == [0, 0]
        and min(frame[2:]) > 0
        and max(frame[2:]) < 10**6
    ):
        raise DocexpError(f"{where}: the page's position {str(frame)[:80]} is not [0, 0, width, height].")
    return frame[2], frame[3]


def _range(line: Any, count: int, where: str) -> tuple[int, ...]:
    if not (
        isinstance(line, list)
        and len(line) == 2
        and all(type(end) is int for end in line)
        and 0 <= line[0] <= line[1] <= count
    ):
        raise DocexpError(f"{where}: line {str(line)[:80]} is no range of its {count} tokens.")
    return tuple(range(*line))
