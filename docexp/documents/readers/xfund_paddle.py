"""XFUND as PaddleOCR passes it on: a line for each page, the image's name, a tab and json.

The earlier files (``xfun_normalize_train.json``, not json in spite of the name) hold
``{"height","width","ocr_info":[{"text","label","bbox","id","linking","words"}]}``; the later ones a list of
``{"transcription","label","points","id","linking"}``, without words and without the page's size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docexp.documents.geometry import as_boxes
from docexp.documents.readers.files import check_keys, parse_json, read_text
from docexp.documents.readers.reader import Report
from docexp.documents.readers.segments import split_segment
from docexp.errors import DocexpError


@dataclass(frozen=True)
class PaddleForm:
    """A line of such a file, its entities spelt as XFUND's release spells them."""

    where: str
    image: str
    size: tuple[int, int] | None
    items: list[dict[str, Any]]


def paddle_forms(file: Path, report: Report, *, by_character: bool) -> Iterator[PaddleForm]:
    """Each line as a form. Labels are put in lower case (counted); where there are no words they are cut from the text.

    Raises:
        DocexpError: a line without tab, or one that is not json of either kind; named by file and line.
    """
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        image, tab, text = line.partition("\t")
        if not tab:
            raise DocexpError(f"{where}: no tab between the image's name and its annotation.")
        record = parse_json(text, where)
        size = None
        if isinstance(record, list):
            items = [_later(item, f"{where}, entity {place}", by_character) for place, item in enumerate(record)]
        else:
            check_keys(record, {"height": int, "width": int, "ocr_info": list}, where)
            size = (record["width"], record["height"])
            items = [_earlier(item, f"{where}, entity {place}") for place, item in enumerate(record["ocr_info"])]
        capitals = [item for item in items if item["label"] != item["label"].lower()]
        for item in capitals:
            item["label"] = item["label"].lower()
        report.repair("labels put in lower case", len(capitals), one="label put in lower case")
        yield PaddleForm(where, image, size, items)


def _earlier(item: Any, where: str) -> dict[str, Any]:
    check_keys(item, {"bbox": list, "label": str}, where)
    return {**{key: value for key, value in item.items() if key != "bbox"}, "box": item["bbox"]}


def _later(item: Any, where: str, by_character: bool) -> dict[str, Any]:
    kinds: dict[str, type | tuple[type, ...]] = {"transcription": str, "label": str, "points": list, "id": int}
    check_keys(item, {**kinds, "linking": list}, where)
    box: list[Any] = []
    try:
        xs, ys = zip(*item["points"], strict=True)
        box = [min(xs), min(ys), max(xs), max(ys)]
        around = as_boxes(box)[0]
    except (TypeError, ValueError):
        around = None
    if around is None or not np.isfinite(around).all():
        raise DocexpError(f"{where}: points {str(item['points'])[:80]} are no list of x and y.")
    words, boxes = split_segment(item["transcription"], around, by_character=by_character)
    return {
        "box": box,
        "text": item["transcription"],
        "label": item["label"],
        "linking": item["linking"],
        "id": item["id"],
        "words": [{"text": word, "box": place.tolist()} for word, place in zip(words, boxes, strict=True)],
    }
