"""Tags of words, as token classification has them, into entities."""

import re
from collections.abc import Sequence

from docexp.documents.geometry import Boxes
from docexp.documents.page import Entity
from docexp.documents.readers.reader import Report
from docexp.documents.reading.boxes import around

_PREFIXED = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
"""BIO, and with E and S, or L and U, for an entity's last word and for one of a single word."""

OUTSIDE = "O"


def tagged_entities(tags: Sequence[str], boxes: Boxes, report: Report) -> tuple[Entity, ...]:
    """The entities that ``tags``, one for each word, describe; each with the box around its words.

    ``B-`` and ``S-`` begin an entity, ``I-`` and ``E-`` go on with one of their label, or begin one (counted). Tags
    without such a prefix are taken as labels: neighbours of one label are one entity (counted), ``O`` is none.
    """
    groups: list[tuple[str, list[int]]] = []
    open_label: str | None = None
    orphans = plain = 0
    for index, tag in enumerate(tags):
        match = _PREFIXED.fullmatch(tag)
        prefix, label = match.groups() if match else ("I", tag)
        if tag == OUTSIDE:
            open_label = None
            continue
        if prefix in "BSU" or label != open_label:
            groups.append((label, []))
            orphans += bool(match) and prefix in "IEL"
            plain += not match
        groups[-1][1].append(index)
        open_label = None if prefix in "ESLU" else label
    report.note("entities that begin without B-", orphans, one="entity that begins without B-")
    report.note("entities of neighbours with one label", plain, one="entity of neighbours with one label")
    return tuple(Entity(label, tuple(words), around(boxes[words])) for label, words in groups)
