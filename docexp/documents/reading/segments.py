"""Text segments that were annotated as a whole, cut into words with boxes of their own."""

import re
from dataclasses import dataclass, field

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes
from docexp.documents.reading.pages import PageText


def split_segment(text: str, box: Boxes, *, by_character: bool = False) -> tuple[list[str], Boxes]:
    """The words of a horizontal segment with estimated boxes ``[N, 4]``; a segment without text is one blank word.

    A word gets the part of the segment's width that its characters are of the segment's text, spaces counted, as if
    all characters were equally wide.

    Source: the preparation of SROIE for LayoutLM that circulates in public notebooks (``split_line``) gives each word
    the same share of the width, but starts it 5 pixels after the word before, whatever the space's own share is.

    Args:
        text: the transcript.
        box: ``[4]``, page pixels.
        by_character: every character that is no space is a word, as XFUND has it for Chinese and Japanese.
    """
    found = list(re.finditer(r"\S" if by_character else r"\S+", text))
    if not found:
        return [""], as_boxes(box)
    length = len(text.rstrip())
    first = found[0].start()
    scale = (box[2] - box[0]) / (length - first)
    starts = np.array([match.start() - first for match in found], np.float64)
    ends = np.array([match.end() - first for match in found], np.float64)
    boxes = np.empty((len(found), 4))
    boxes[:, 0] = box[0] + starts * scale
    boxes[:, 1] = box[1]
    boxes[:, 2] = np.minimum(box[0] + ends * scale, box[2])  # rounding may lift the last one over the edge
    boxes[:, 3] = box[3]
    boxes[:, 0] = np.minimum(boxes[:, 0], boxes[:, 2])
    return [match.group() for match in found], boxes


@dataclass
class SegmentWords:
    """The words of a page's segments, gathered in their order; a segment with text is a line."""

    words: list[str] = field(default_factory=list)
    lines: list[tuple[int, ...]] = field(default_factory=list)
    _boxes: list[Boxes] = field(default_factory=lambda: [as_boxes([])])

    @property
    def text(self) -> PageText:
        """All of it, as a page takes it."""
        return PageText(tuple(self.words), self.boxes, tuple(self.lines))

    @property
    def boxes(self) -> Boxes:
        """The words' boxes, ``[N, 4]``."""
        return np.concatenate(self._boxes)

    def add(self, text: str, box: Boxes) -> tuple[int, ...]:
        """Cuts a segment (see ``split_segment``) and gives the places of its words."""
        found, boxes = split_segment(text, box)
        indices = tuple(range(len(self.words), len(self.words) + len(found)))
        if text.strip():
            self.lines.append(indices)
        self.words += found
        self._boxes.append(boxes)
        return indices
