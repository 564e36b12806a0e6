"""Tags of words into entities."""

import numpy as np
import pytest

from docexp.documents.readers.reader import Report
from docexp.documents.readers.tags import tagged_entities


@pytest.mark.parametrize(
    ("tags", "entities", "lines"),
    [
        ("O B-X I-X B-X O", "X12 X3", []),
        ("B-X I-Y I-Y O I-Y", "X0 Y12 Y4", ["kept, with a note: 2 entities that begin without B-"]),
        ("B-X I-X E-X I-X S-X S-X", "X012 X3 X4 X5", ["kept, with a note: 1 entity that begins without B-"]),
        ("B-X L-X U-Y O U-Y", "X01 Y2 Y4", []),
        ("X X O Y X", "X01 Y3 X4", ["kept, with a note: 3 entities of neighbours with one label"]),
        ("O O", "", []),
        ("", "", []),
    ],
)
def test_entities_of_tags(tags, entities, lines):
    words = tags.split()
    boxes = np.array([[i, i, i + 1, i + 2] for i in range(len(words))], float).reshape(-1, 4)
    report = Report()
    found = tagged_entities(words, boxes, report)
    assert " ".join(entity.label + "".join(map(str, entity.words)) for entity in found) == entities
    for entity in found:
        assert entity.box == (entity.words[0], entity.words[0], entity.words[-1] + 1, entity.words[-1] + 2)
    assert report.lines() == lines
