"""Text segments that were annotated as a whole, cut into words with boxes of their own."""

import re

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes


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
