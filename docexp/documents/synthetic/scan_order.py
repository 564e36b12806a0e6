"""The order in which a simple reader takes words: row after row across the whole page, whatever the columns."""

import itertools
from collections.abc import Sequence

import numpy as np

from docexp.documents.geometry import Boxes, union


def scan_order(boxes: Boxes, lines: Sequence[Sequence[int]]) -> list[int]:
    """Word indices from the top left to the bottom right: rows of lines first, left to right inside a row.

    ``lines`` are the pieces that an OCR engine gives: a row across three columns has three. A line whose middle lies
    above the lower edge of the row's first line belongs to the row. ``boxes [N, 4]`` are the words'.
    """
    around = np.array([union(boxes[list(line)]) for line in lines]).reshape(-1, 4)
    middle = (around[:, 1] + around[:, 3]) / 2
    order: list[int] = []
    row: list[int] = []
    limit = -np.inf
    for line in np.argsort(middle, kind="stable").tolist():
        if middle[line] > limit:
            order += sorted(row, key=lambda index: around[index, 0])
            row, limit = [], around[line, 3]
        row.append(line)
    order += sorted(row, key=lambda index: around[index, 0])
    return [word for line in order for word in lines[line]]


def misordered(order: Sequence[int], boxes: Boxes, lines: Sequence[Sequence[int]]) -> int:
    """How many words of the reading order are not followed by their next one when read in scan order.

    This is what the naive answer to the reading-order task gets wrong, of ``len(order) - 1`` followers.
    """
    place = {word: number for number, word in enumerate(scan_order(boxes, lines))}
    return sum(place[after] != place[word] + 1 for word, after in itertools.pairwise(order))
