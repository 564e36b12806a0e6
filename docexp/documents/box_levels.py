"""Whose box a word is given: its own, its line's, or its annotated entity's."""

from typing import get_args

from docexp.documents.geometry import Boxes, union
from docexp.documents.page import BoxLevel, Page, PageError
from docexp.errors import choice

BOX_LEVELS: tuple[BoxLevel, ...] = get_args(BoxLevel)


def level_boxes(page: Page, level: BoxLevel) -> Boxes:
    """The box of every word at ``level``, float page pixels ``[N, 4]``.

    ``word`` is the word's own box, ``line`` the union of its line's words, ``segment`` the union of the words of the
    entity that holds it (of the first, where several do). Blank words take no part in a union; they, and words of no
    line or entity, keep their own box.

    Source of ``segment``: ``get_line_bbox`` in microsoft/unilm, layoutlmv3/layoutlmft/data/funsd.py, which drops blank
    words, then gives each entity's words the union of their boxes, not the annotator's box. (It does so after
    normalising; the order makes no difference, since normalising keeps order.)

    Raises:
        PageError: the page has no lines or no entities, named with the level to use instead.
        DocexpError: the level is none of ``word``, ``line``, ``segment``.
    """
    choice("box_level", level, BOX_LEVELS)
    boxes = page.word_boxes.copy()
    if level == "word":
        return boxes
    blank = page.blank
    for group in reversed(_groups(page, level)):
        words = [word for word in group if not blank[word]]
        if words:
            boxes[words] = union(page.word_boxes[words])
    return boxes


def _groups(page: Page, level: BoxLevel) -> list[tuple[int, ...]]:
    if level == "line":
        if page.lines is None:
            raise PageError(f"page {page.id} has no lines, which box_level=line needs; use box_level=word.")
        return list(page.lines)
    if page.entities is None:
        use = "word" if page.lines is None else "line or word"
        raise PageError(f"page {page.id} has no entities, which box_level=segment needs; use box_level={use}.")
    return [entity.words for entity in page.entities]
