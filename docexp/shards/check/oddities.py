"""What is odd about a page though it is a valid one: each kind by name, so that cases can be counted."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from docexp.documents.geometry import area
from docexp.documents.page import Page

Oddity = tuple[str, str, int]
"""What several cases are called, what one is called, and how many there are."""

TRAINING = ("train", "minival")


def oddities(page: Page, image: Image.Image | None, split: str) -> Iterator[Oddity]:
    """All that is odd about a page, with the number of cases; a number may be 0."""
    blank = np.array(page.blank, bool)
    yield "pages without words", "page without words", int(blank.all())
    yield from _word_boxes(page, ~blank)
    if image is not None and _stretched(page, image.width, image.height):
        yield "images of other proportions than their page", "image of other proportions than its page", 1
    yield from _entities(page, blank)
    flat = sum(not (region.box[2] > region.box[0] and region.box[3] > region.box[1]) for region in page.regions or ())
    yield "regions whose box has no area", "region whose box has no area", flat
    if split in TRAINING:
        bare = sum(not question.answers for question in page.questions or ())
        yield "training questions without an answer", "training question without an answer", bare


def answers_found(page: Page) -> tuple[int, int]:
    """Of the questions with answers, how many have one that the page's words hold, case apart; and how many there are.

    An answer is looked for in all words joined by spaces, in the order in which the page has them.
    """
    asked = [question for question in page.questions or () if question.answers]
    text = " ".join(" ".join(page.words).casefold().split())
    found = sum(any(" ".join(answer.casefold().split()) in text for answer in q.answers) for q in asked) if text else 0
    return found, len(asked)


def _word_boxes(page: Page, seen: np.ndarray) -> Iterator[Oddity]:
    boxes = page.word_boxes[seen]
    solid = area(boxes) > 0
    yield "words whose box has no area", "word whose box has no area", int((~solid).sum())
    kept = boxes[solid]
    order = np.lexsort(kept.T)
    same = (np.diff(kept[order], axis=0) == 0).all(axis=1)
    yield "words in the very box of another", "word in the very box of another", int(same.sum())


def _stretched(page: Page, width: int, height: int) -> bool:
    """Whether an image is no scaled copy of its page, to the pixel; squares are stored for models and left alone."""
    return width != height and abs(width / page.width - height / page.height) > 1 / page.width + 1 / page.height


def _entities(page: Page, blank: np.ndarray) -> Iterator[Oddity]:
    entities, relations = page.entities or (), page.relations or ()
    wordless = [all(blank[word] for word in entity.words) for entity in entities]
    yield "entities without words", "entity without words", sum(wordless)
    loose = sum(wordless[relation.head] or wordless[relation.tail] for relation in relations)
    yield "relations of an entity without words", "relation of an entity without words", loose
    selves = sum(relation.head == relation.tail for relation in relations)
    yield "relations of an entity with itself", "relation of an entity with itself", selves
    yield "relations that come twice", "relation that comes twice", len(relations) - len(set(relations))
