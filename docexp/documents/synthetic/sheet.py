"""A page before it is drawn: placed words, cells, rules and what is annotated, all in whole pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from docexp.documents.synthetic.glyphs import Font, Stamp, stamp

Rect = tuple[int, int, int, int]
Words = tuple[int, ...]

TICK_ROOM = 26
"""Pixels kept free at a cell's left for a tick box, whether one is drawn or not: places do not tell the cue."""


@dataclass(frozen=True)
class Word:
    """A word whose ink's top left pixel is ``x, y``; ``cell`` is the cell it stands in, or None."""

    text: str
    font: Font
    x: int
    y: int
    cell: int | None = None

    @property
    def ink(self) -> Stamp:
        """What is drawn."""
        return stamp(self.text, self.font)

    @property
    def box(self) -> Rect:
        """The ink's bounding box."""
        return self.x, self.y, self.x + self.ink.width, self.y + self.ink.height


@dataclass(frozen=True)
class Cell:
    """A cell of a section: the role its column plays and the section's cue."""

    box: Rect
    role: int
    cue: str


@dataclass
class Sheet:
    """A page being laid out. Words come in reading order; ``units`` are the groups of words that are stored together.

    ``logo`` is the number of a drawn shape, or None; ``tone`` is the page's look (see ``cues.plan_sections``).
    """

    width: int
    height: int
    tone: int = 0
    logo: int | None = None
    document_class: str = ""
    words: list[Word] = field(default_factory=list)
    lines: list[Words] = field(default_factory=list)
    units: list[Words] = field(default_factory=list)
    entities: list[tuple[str, Words]] = field(default_factory=list)
    relations: list[tuple[int, int]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    frames: list[Rect] = field(default_factory=list)
    rules: list[Rect] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def write(
        self, texts: Sequence[str], x: int, y: int, font: Font, *, right: int | None = None, cell: int | None = None
    ) -> Words:
        """Places ``texts`` from ``x`` on, in lines whose top is ``y``, wrapped before ``right``; their word indices."""
        written: list[int] = []
        line: list[int] = []
        place = x
        for text in texts:
            ink = stamp(text, font)
            if line and right is not None and place + ink.width > right:
                self.lines.append(tuple(line))
                line, place, y = [], x, y + font.leading
            line.append(len(self.words))
            written.append(len(self.words))
            self.words.append(Word(text, font, place, y + font.size - ink.rise, cell))
            place += ink.width + font.space
        self.lines.append(tuple(line))
        return tuple(written)

    def furniture(self, text: str, x: int, y: int, font: Font) -> None:
        """Writes a line that is no part of a section, as an entity ``other`` of its own."""
        words = self.write(text.split(), x, y, font)
        self.entities.append(("other", words))
        self.units.append(words)

    def centre(self, text: str, y: int, font: Font) -> None:
        """Writes a line of furniture in the middle of the page."""
        inks = [stamp(word, font).width for word in text.split()]
        self.furniture(text, (self.width - sum(inks) - font.space * (len(inks) - 1)) // 2, y, font)

    def cell(self, box: Rect, role: int, cue: str) -> int:
        """Adds a cell; its index."""
        self.cells.append(Cell(box, role, cue))
        return len(self.cells) - 1

    def entity(self, label: str, words: Words) -> int:
        """Annotates ``words``; the entity's index."""
        self.entities.append((label, words))
        return len(self.entities) - 1
