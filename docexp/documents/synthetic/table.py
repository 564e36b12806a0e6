"""Tables on a leaf: ruled, with a few rules, banded, or bare; cells as entities, heads linked to what they head."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from docexp.documents.synthetic.glyphs import Font, stamp
from docexp.documents.synthetic.grid import Grid, Spot, heads, plan_grid
from docexp.documents.synthetic.languages import Vocabulary
from docexp.documents.synthetic.leaf import Block, Evidence, Leaf
from docexp.documents.synthetic.prose import capital
from docexp.documents.synthetic.sheet import Rect, Words

STYLES = ("ruled", "lines", "banded", "bare")
"""All borders; lines above, below and under the head; every other row shaded; nothing drawn."""

PADDING = 6
EMPTY = 0.04
"""The share of body cells without words."""

BODY: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: f"{rng.randint(100, 99_999) / 100:.2f}",
    lambda rng: str(rng.randint(100, 9999)),
    lambda rng: f"{rng.randint(10, 999) / 10:.1f}%",
)
"""Values of a body column; a fourth kind of column, never the first two, holds words."""


@dataclass(frozen=True)
class Frame:
    """Where a table goes and how it looks: its top left corner, its width, its font and its style."""

    left: int
    top: int
    width: int
    font: Font
    style: str

    @property
    def row(self) -> int:
        """Height of a row."""
        return self.font.leading + 8


def table_height(rows: int, font: Font) -> int:
    """The greatest height of a table with ``rows`` body rows."""
    return (rows + 2) * (font.leading + 8) + 1


class TableSetter:
    """Sets one table. ``taken`` are row heads that other tables of the document have: none comes twice."""

    def __init__(self, leaf: Leaf, rng: random.Random, words: Vocabulary, frame: Frame, taken: set[str]) -> None:
        self.leaf, self.rng, self.words, self.frame, self.taken = leaf, rng, words, frame, taken

    def set(self, rows: int, columns: int, *, structure: bool = True) -> int:
        """Sets a table with so many body rows, and columns with that of the row heads; its bottom.

        Without ``structure`` the whole table is one entity ``table``, else each cell is one, in the order of the grid.
        """
        leaf, grid = self.leaf, plan_grid(self.rng, rows, columns)
        edges = self._edges(columns)
        kinds = [self.rng.randrange(len(BODY) + (column > 2)) for column in range(columns)]
        places = [self._place(spot, edges) for spot in grid.spots]
        cells = [self._write(spot, place, kinds[spot.column]) for spot, place in zip(grid.spots, places, strict=True)]
        drawn = self._rules(grid, places)
        written = tuple(word for words in cells for word in words)
        leaf.blocks.append(Block("table", written, drawn))
        if structure:
            self._annotate(grid, places, cells)
        else:
            leaf.entity("table", written)
        return self.frame.top + grid.rows * self.frame.row + 1

    def _edges(self, columns: int) -> list[int]:
        """The columns' borders, left to right; row heads get half as much again as the others."""
        shares = [1.5 + 0.3 * self.rng.random(), *(0.9 + 0.2 * self.rng.random() for _ in range(columns - 1))]
        return [
            self.frame.left + round(self.frame.width * sum(shares[:number]) / sum(shares))
            for number in range(columns + 1)
        ]

    def _place(self, spot: Spot, edges: list[int]) -> Rect:
        top = self.frame.top + spot.row * self.frame.row
        return edges[spot.column], top, edges[spot.column + spot.columns], top + spot.rows * self.frame.row

    def _write(self, spot: Spot, place: Rect, kind: int) -> Words:
        font = self.frame.font
        if spot.label in ("column_header", "group"):
            font = Font(font.face if font.face.endswith("Bold") else "DejaVuSans-Bold", font.size)
        texts = self._texts(spot, place[2] - place[0] - 2 * PADDING, font, kind)
        if not texts:
            return ()
        width = sum(stamp(text, font).width for text in texts) + font.space * (len(texts) - 1)
        numeric = kind < len(BODY) and spot.label == "cell"
        if spot.columns > 1 and spot.label != "group":
            x = (place[0] + place[2] - width) // 2
        else:
            x = place[2] - PADDING - width if numeric else place[0] + PADDING
        return self.leaf.write(texts, x, (place[1] + place[3] - font.leading) // 2 + 1, font)

    def _texts(self, spot: Spot, room: int, font: Font, kind: int) -> list[str]:
        rng = self.rng
        if spot.label == "cell":
            if rng.random() < EMPTY:
                return []
            if kind < len(BODY):
                return [BODY[kind](rng)]
        count = 1 if spot.label == "cell" else rng.choice((1, 2))
        tries = 0
        while True:
            texts = rng.choices(self.words.words, k=count if tries < 8 else 1)
            if tries > 60:  # a very narrow column, or a vocabulary that is used up
                texts = [str(rng.randint(100, 9999))]
            if spot.label != "cell":
                texts[0] = capital(texts[0])
            fits = sum(stamp(text, font).width + font.space for text in texts) <= room
            if fits and " ".join(texts) not in self.taken:
                if spot.label != "cell":
                    self.taken.add(" ".join(texts))
                return texts
            tries += 1

    def _rules(self, grid: Grid, places: list[Rect]) -> Rect | None:
        """Draws what the style draws; the box around it."""
        frame, style = self.frame, self.frame.style
        left, top, right = frame.left, frame.top, frame.left + frame.width
        bottom = top + grid.rows * frame.row
        if style == "bare":
            return None
        if style == "ruled":
            for x0, y0, x1, y1 in places:
                self.leaf.rules += [(x0, y0, x1 + 1, y0 + 1), (x0, y1, x1 + 1, y1 + 1)]
                self.leaf.rules += [(x0, y0, x0 + 1, y1 + 1), (x1, y0, x1 + 1, y1 + 1)]
            return left, top, right + 1, bottom + 1
        for row in range(grid.depth + 1, grid.rows, 2) if style == "banded" else ():
            self.leaf.bands.append((left, top + row * frame.row, right, top + (row + 1) * frame.row))
        for y in (top, top + grid.depth * frame.row, bottom):
            self.leaf.rules.append((left, y, right, y + 1))
        return left, top, right, bottom + 1

    def _annotate(self, grid: Grid, places: list[Rect], cells: list[Words]) -> None:
        leaf = self.leaf
        numbers = [leaf.entity(spot.label, words) for spot, words in zip(grid.spots, cells, strict=True)]
        leaf.cell_boxes.update(zip(numbers, places, strict=True))
        over: dict[int, dict[str, list[int]]] = {}
        for head, number, label in heads(grid):
            leaf.links.append((numbers[head], numbers[number], label))
            over.setdefault(number, {"column": [], "row": []})[label].append(head)
        for number, spot in enumerate(grid.spots):
            numeric = any(letter.isdigit() for letter in leaf.text(cells[number]))
            if spot.label == "cell" and spot.columns == 1 and numeric:
                above, beside = over[number]["column"][0], over[number]["row"][0]
                leaf.evidence.append(Evidence("cell", (cells[above], cells[beside]), cells[number]))
