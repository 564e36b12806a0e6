"""BIO tags: from a page's entities to its words, to tokens and back. Imports no torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docexp.documents.page import Entity, Page
from docexp.errors import DocexpError, nearest
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.windows import owner_positions

OUTSIDE = "O"


def bio_tags(labels: Sequence[str]) -> list[str]:
    """``["O", "B-HEADER", "I-HEADER", …]``: the tags of ``labels`` in order, upper case as in the published scripts.

    Raises:
        DocexpError: two labels have the same tags.
    """
    names = [label.upper() for label in labels]
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise DocexpError(f"labels: {', '.join(double)} is there more than once (tags are upper case)")
    return [OUTSIDE, *(f"{part}-{name}" for name in names for part in "BI")]


def word_tags(page: Page, labels: Sequence[str], outside: Sequence[str]) -> list[str | None]:
    """The gold tag of every word of the page; ``None`` for a blank word, which has no tokens and is not scored.

    The first non-blank word of an entity, in the page's order of words, gets ``B-``; its others ``I-``. Words of no
    entity, or of one whose label is in ``outside``, get ``O``.

    Raises:
        DocexpError: no entities annotated, a label in neither list, or a word in two entities.
    """
    blank = page.blank
    tags: list[str | None] = [None if nothing else OUTSIDE for nothing in blank]
    owner: dict[int, Entity] = {}
    for entity in _entities(page):
        if entity.label not in labels and entity.label not in outside:
            raise _unknown(page, entity.label, [*labels, *outside])
        for word in entity.words:
            if word in owner:
                both = f"{owner[word].label} and {entity.label}"
                raise DocexpError(f"page {page.id}: word {word} belongs to two entities ({both}); BIO tags hold one")
            owner[word] = entity
        if entity.label in labels:
            for number, word in enumerate(_tagged_words(page, entity)):
                tags[word] = f"{'I' if number else 'B'}-{entity.label.upper()}"
    return tags


def align_tags(window: Window, tags: Sequence[str | None], ids: Mapping[str, int]) -> NDArray[np.int64]:
    """Target ids ``[T]`` of a window: a word's tag on its first sub-word, ``IGNORED`` everywhere else."""
    targets = np.full(len(window.input_ids), IGNORED, dtype=np.int64)
    first = np.flatnonzero(window.starts_word)
    targets[first] = [ids[str(tags[word])] for word in window.word_index[first]]  # no blank word has tokens
    return targets


def merge_windows(rows: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]) -> dict[int, Any]:
    """One value for each word that has tokens, from the window that shows most around it.

    Args:
        rows: a page's windows in order, each as ``word_index [T]``, ``starts_word [T]`` and a value per token ``[T]``;
            they may be padded (word index -1).
    """
    places = owner_positions([(word_index, starts_word) for word_index, starts_word, _ in rows])
    return {word: rows[row][2][position].item() for word, (row, position) in places.items()}


def annotated_counts(page: Page, labels: Sequence[str]) -> dict[str, int]:
    """Entities that the annotators made, for each of ``labels``, those without a non-blank word included."""
    counts = Counter(entity.label for entity in _entities(page))
    return {label: counts[label] for label in labels}


def scored_counts(page: Page, labels: Sequence[str]) -> dict[str, int]:
    """Entities that tags can name, for each of ``labels``: those with a non-blank word."""
    counts = Counter(entity.label for entity in _entities(page) if _tagged_words(page, entity))
    return {label: counts[label] for label in labels}


def _entities(page: Page) -> tuple[Entity, ...]:
    if page.entities is None:
        raise DocexpError(f"page {page.id} has no entities annotated; tagging needs them")
    return page.entities


def _tagged_words(page: Page, entity: Entity) -> list[int]:
    return sorted(word for word in entity.words if page.words[word].strip())


def _unknown(page: Page, label: str, known: list[str]) -> DocexpError:
    close = nearest(label, known)
    hint = (f" Nearest: {close[0]}." if close else "") + " Add it to data.labels or to data.outside_labels."
    return DocexpError(f"page {page.id}: entity label {label!r} is none of {', '.join(known)}.{hint}")
