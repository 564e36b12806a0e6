"""A page as what the preview draws: its image, bounded in size, and its annotations as plain values."""

import base64
import io
from typing import Any

from PIL import Image

from docexp.documents.geometry import union
from docexp.documents.images import decode
from docexp.documents.page import Page

LONGEST, LONGEST_OF_MANY, MANY = 1400, 900, 40
"""Pixels of an image's longer side, and of one of more than ``MANY`` pages."""

QUALITY = 80


def record(page: Page, split: str, pages: int) -> dict[str, Any]:
    """What the script in the file reads; geometry stays in page pixels. ``pages`` is how many the file holds."""
    boxes = page.word_boxes
    lines = [union(boxes[list(line)]).round(2).tolist() for line in page.lines or () if line]
    values = page.to_json()
    return {
        "id": page.id,
        "document": page.document_id,
        "split": split,
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "image": None if page.image is None else picture(page, LONGEST if pages <= MANY else LONGEST_OF_MANY),
        "words": values["words"],
        "boxes": boxes.round(2).tolist(),
        "lines": lines if page.lines is not None else None,
        "entities": values.get("entities"),
        "relations": values.get("relations"),
        "order": values.get("reading_order"),
        "regions": values.get("regions"),
        "questions": values.get("questions"),
        "fields": values.get("fields"),
        "document_class": page.document_class,
        "document_tags": values.get("document_tags"),
    }


def picture(page: Page, longest: int) -> str:
    """The page's image as a ``data:`` address, scaled down where its longer side has more pixels than ``longest``.

    Raises:
        PageError: it does not decode.
    """
    image = decode(page)
    if max(image.size) > longest:
        share = longest / max(image.size)
        size = max(1, round(image.width * share)), max(1, round(image.height * share))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
