"""A sheet with layout regions, figures, cells and evidence: what articles, tables and statements are laid out on."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from docexp.documents.synthetic.glyphs import Font, stamp
from docexp.documents.synthetic.sheet import Rect, Sheet, Word, Words


@dataclass(frozen=True)
class Block:
    """A layout region: its words, and what is drawn besides them (a figure, a table's rules), or None."""

    label: str
    words: Words
    drawn: Rect | None = None


@dataclass(frozen=True)
class Figure:
    """A figure: its frame, and the seed its strokes are drawn from."""

    box: Rect
    seed: int


@dataclass(frozen=True)
class Evidence:
    """What can be asked about a page: the words of the answer, and those that the question quotes.

    ``kind`` is ``field`` (``quotes`` is the key) or ``cell`` (``quotes`` are the column's head and the row's). Single
    words are no evidence: they would stand elsewhere too. Answers are numbers, dates and names.
    """

    kind: str
    quotes: tuple[Words, ...]
    answer: Words


@dataclass
class Leaf(Sheet):
    """A sheet whose annotations all name words by number, so that other words can be set in their places.

    ``cell_boxes`` holds the box of entities that have one of their own (table cells, of which some are empty).
    ``links`` are relations with a label. ``fixed`` words belong to the template: a twin keeps them. ``slots`` are the
    words' boxes where these are another sheet's (see ``twin``).
    """

    blocks: list[Block] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    bands: list[Rect] = field(default_factory=list)
    cell_boxes: dict[int, Rect] = field(default_factory=dict)
    links: list[tuple[int, int, str]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    field_words: dict[str, Words] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    slots: list[Rect] | None = None

    @property
    def word_boxes(self) -> list[Rect]:
        """The boxes of the words: their ink, or in a twin the ink of the words they replace."""
        return [word.box for word in self.words] if self.slots is None else self.slots

    def lines_of(self, words: set[int]) -> list[Words]:
        """The lines of a block: those that begin with one of its words."""
        return [line for line in self.lines if line[0] in words]

    def text(self, words: Words) -> str:
        """Words as a text."""
        return " ".join(self.words[word].text for word in words)

    def block(self, region: str, entity: str, words: Words) -> None:
        """Annotates words as a region and as an entity."""
        self.blocks.append(Block(region, words))
        self.entity(entity, words)

    def fill(
        self, texts: Iterator[str], place: tuple[int, int, int], lines: int, font: Font, last: float = 1.0
    ) -> Words:
        """Sets ``lines`` lines from ``texts``; ``place`` is left, right and top; ``last`` is the last line's share.

        A line takes words until one does not fit; that word opens the next line, or is lost after the last.
        """
        left, right, y = place
        written: list[int] = []
        text = next(texts)
        for number in range(lines):
            line: list[int] = []
            limit = right if number < lines - 1 else left + (right - left) * last
            x = left
            while not line or x + stamp(text, font).width <= limit:
                ink = stamp(text, font)
                line.append(len(self.words))
                self.words.append(Word(text, font, x, y + font.size - ink.rise))
                x += ink.width + font.space
                text = next(texts)
            self.lines.append(tuple(line))
            written += line
            y += font.leading
        return tuple(written)

    def end_sentence(self, words: Words) -> None:
        """Gives the last of ``words`` a full stop, in place of what else it ends with."""
        word = self.words[words[-1]]
        self.words[words[-1]] = dataclasses.replace(word, text=word.text.rstrip(".,") + ".")


def outline(lines: list[Rect]) -> tuple[float, ...]:
    """The outline of a paragraph as x, y in turn: a box, less the corner after a last line that is shorter.

    ``lines`` are the boxes of its lines from top to bottom. A last line that reaches the right border, and a paragraph
    of one line, give a plain box. All ink lies inside.
    """
    x0, right = min(line[0] for line in lines), max(line[2] for line in lines)
    y0, bottom = min(line[1] for line in lines), max(line[3] for line in lines)
    above = lines[:-1]
    knee = max((line[3] for line in above), default=bottom)
    end = lines[-1][2]
    if end >= max((line[2] for line in above), default=0) or knee >= bottom:
        return (x0, y0, right, y0, right, bottom, x0, bottom)
    return (x0, y0, right, y0, right, knee, end, knee, end, bottom, x0, bottom)


def polygon_area(polygon: tuple[float, ...]) -> float:
    """The area inside a simple polygon of x and y in turn, in square pixels (the shoelace formula)."""
    points = list(zip(polygon[::2], polygon[1::2], strict=True))
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise([*points, points[0]]))) / 2


def around(boxes: list[Rect]) -> Rect:
    """The smallest box around one or more boxes."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
