"""A page of a picture and of what is written on it."""

from typing import Any, NamedTuple

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.page import Page
from docexp.documents.reading.pictures import Picture


class PageText(NamedTuple):
    """The text of a page: words, boxes ``[N, 4]`` in page pixels, lines of word indices (``None``: not known)."""

    words: tuple[str, ...]
    word_boxes: Boxes
    lines: tuple[tuple[int, ...], ...] | None


NO_TEXT = PageText((), as_boxes([]), None)
"""Of a page that nobody has read: not even its lines are known."""


def text_page(
    picture: Picture, page_id: str, document: str = "", number: int = 0, text: PageText = NO_TEXT, **annotations: Any
) -> Page:
    """The page of a picture and its text; ``annotations`` are arguments of ``Page``."""
    return Page(
        id=page_id,
        document_id=document,
        number=number,
        width=picture.width,
        height=picture.height,
        words=text.words,
        word_boxes=text.word_boxes,
        lines=text.lines,
        image=picture.data,
        image_format=picture.format,
        **annotations,
    )
