"""Where on a receipt of SROIE its four fields are printed.

The annotators gave values, not places, and many values stand in several places. Date and total are taken where they
are printed largest, company and address where they come first, as public preparations of SROIE for LayoutLM do; but a
total is taken beside the word "total" where there is one, since equal prints of it are often prices of single items.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from docexp.documents.geometry import Boxes, union
from docexp.documents.page import Entity
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import around
from docexp.documents.reading.values import Place, find_value

LARGEST = ("date", "total")
"""Fields whose value is taken where it is printed largest."""

_HOW = {
    "spelt otherwise": "with other spaces, signs or case",
    "inside longer words": "inside longer words",
    "similar": "in a similar spelling",
}


def field_entities(words: Sequence[str], boxes: Boxes, fields: Mapping[str, str], report: Report) -> tuple[Entity, ...]:
    """An entity for each field whose value is found, no word in two of them.

    Args:
        words: in reading order.
        boxes: theirs, ``[N, 4]``.
        fields: values by field.
        report: counts values that are not found, or not as they are, or in several places.
    """
    entities: list[Entity] = []
    taken: set[int] = set()
    for name, value in fields.items():
        places = find_value(words, value, taken)
        if not places:
            report.note("values not found in the words", one="value not found in the words")
            continue
        place = _chosen(name, places, words, boxes)
        report.note("values found in several places", int(len(places) > 1), one="value found in several places")
        if place.match != "as it is":
            report.note(f"values found {_HOW[place.match]}", one=f"value found {_HOW[place.match]}")
        taken |= set(place.words)
        entities.append(Entity(name, place.words, around(boxes[list(place.words)]), name))
    return tuple(entities)


def _chosen(name: str, places: list[Place], words: Sequence[str], boxes: Boxes) -> Place:
    if name not in LARGEST:
        return places[0]
    if name == "total":
        places = [place for place in places if _beside_total(place, words, boxes)] or places
    return max(places, key=lambda place: _print_size(boxes, place))


def _print_size(boxes: Boxes, place: Place) -> float:
    """The height of the print: the words' widths are estimates."""
    chosen = boxes[list(place.words)]
    return float((chosen[:, 3] - chosen[:, 1]).max())


def _beside_total(place: Place, words: Sequence[str], boxes: Boxes) -> bool:
    """Whether "total", but no "sub", is printed on the same row."""
    _, top, _, bottom = union(boxes[list(place.words)])
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    row = " ".join(words[word] for word in np.flatnonzero((middle >= top) & (middle <= bottom)).tolist()).casefold()
    return "total" in row and "sub" not in row
