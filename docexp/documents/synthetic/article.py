"""Articles: a page of a report, a journal or a newsletter, with one, two or three columns.

Regions have PubLayNet's five labels, used as its guidelines do: ``title`` for the article's and the sections' titles,
``text`` for paragraphs, authors and captions, ``list``, ``table`` and ``figure``; running heads and page numbers are in
no region. (Zhong, Tang, Jimeno Yepes, "PubLayNet: largest dataset ever for document layout analysis", ICDAR 2019,
section III.) Entities have the finer labels of ``ENTITIES``.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docexp.documents.synthetic.glyphs import Font
from docexp.documents.synthetic.languages import Vocabulary
from docexp.documents.synthetic.leaf import Block, Figure, Leaf
from docexp.documents.synthetic.prose import headline, sentences
from docexp.documents.synthetic.table import STYLES, Frame, TableSetter, table_height

WIDTH, HEIGHT = 765, 990  # letter paper at 90 dpi
REGIONS = ("text", "title", "list", "table", "figure")
ENTITIES = ("title", "author", "heading", "paragraph", "list", "caption", "table", "header", "footer")
REGION_OF = {"title": "title", "author": "text", "heading": "title", "paragraph": "text", "caption": "text"}
COLUMNS = {"report": 1, "journal": 2, "newsletter": 3}
"""Document classes of articles, with their columns."""

GUTTER = 24
GAP = 9
"""Pixels between two blocks: more than letters reach above or below their line."""


@dataclass
class Column:
    """A strip of the page that is being filled from the top: its borders, and how far it is filled."""

    left: int
    right: int
    y: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from border to border."""
        return self.right - self.left


def layout_article(rng: random.Random, words: Vocabulary) -> Leaf:
    """One article."""
    return _Article(rng, words).leaf


class _Article:
    """An article on its way to a leaf. Blocks are set in reading order."""

    def __init__(self, rng: random.Random, words: Vocabulary) -> None:
        self.rng, self.words = rng, words
        kind = rng.choice(tuple(COLUMNS))
        self.leaf = Leaf(WIDTH, HEIGHT, document_class=kind)
        self.font = Font(rng.choice(("DejaVuSans", "DejaVuSerif")), 10 if kind == "newsletter" else 11)
        self.bold = Font("DejaVuSans-Bold", self.font.size + 2)
        self.small = Font(self.font.face, 9)
        self.numbers = {"figure": 0, "table": 0}
        self.taken: set[str] = set()
        margin = rng.randrange(44, 60)
        whole = Column(margin, WIDTH - margin, 36, HEIGHT - 58)
        self._header(whole)
        self._title(whole)
        if COLUMNS[kind] > 1 and rng.random() < 0.35:
            self._float(whole)
        floats_below = COLUMNS[kind] > 1 and rng.random() < 0.3
        room = rng.randrange(190, 240) if floats_below else 0
        for column in _columns(whole, COLUMNS[kind], room):
            self._fill(column)
        if floats_below:
            self._float(Column(whole.left, whole.right, whole.bottom - room + GAP, whole.bottom))
        self._footer(whole)

    def _header(self, place: Column) -> None:
        running = self.leaf.write(self._some(headline(self.rng, self.words), 2, 4), place.left, place.y, self.small)
        self.leaf.entity("header", running)
        self.leaf.rules.append((place.left, place.y + 16, place.right, place.y + 17))
        place.y += 34

    def _footer(self, place: Column) -> None:
        number = [str(self.rng.randint(1, 40))]
        self.leaf.entity("footer", self.leaf.write(number, WIDTH // 2 - 4, HEIGHT - 36, self.small))

    def _title(self, place: Column) -> None:
        big = Font("DejaVuSans-Bold", self.rng.choice((18, 20, 22)))
        self._lines("title", headline(self.rng, self.words), place, big, self.rng.randint(1, 2), last=0.7)
        names = [self.words.name(self.rng) for _ in range(self.rng.randint(1, 3))]
        authors = [word for first, last in names for word in (first, last + ",")]
        authors[-1] = authors[-1].rstrip(",")
        self.leaf.block(REGION_OF["author"], "author", self.leaf.write(authors, place.left, place.y, self.font))
        place.y += self.font.leading + GAP

    def _fill(self, column: Column) -> None:
        """Sets blocks until the column is full: a heading first, then what chance brings and the room allows."""
        line = self.font.leading
        self._heading(column)
        while column.bottom - column.y >= 2 * line:
            room = column.bottom - column.y
            chances: dict[Callable[[Column], None], float] = {self._paragraph: 6.0}
            if room > 6 * line:
                chances |= {self._heading: 1.2, self._list: 1.2}
            if room > 200:
                chances |= {self._figure: 0.8, self._table: 0.8}
            self.rng.choices(list(chances), list(chances.values()))[0](column)

    def _float(self, column: Column) -> None:
        (self._figure if self.rng.random() < 0.6 else self._table)(column)

    def _heading(self, column: Column) -> None:
        self._lines("heading", headline(self.rng, self.words), column, self.bold, 1, last=0.6)
        self._paragraph(column)

    def _paragraph(self, column: Column) -> None:
        most = (column.bottom - column.y) // self.font.leading
        count = min(self.rng.randint(2, 8), most)
        if count:
            last = self.rng.uniform(0.2, 1.0) if count > 1 else 1.0
            self._lines("paragraph", self._sentences(), column, self.font, count, last=last, stop=True)

    def _list(self, column: Column) -> None:
        most = (column.bottom - column.y) // self.font.leading
        bullet = self.rng.choice(("•", "–", "number"))
        indent = column.left + (20 if bullet == "number" else 14)
        written: list[int] = []
        for number in range(1, self.rng.randint(2, 4) + 1):
            lines = min(self.rng.randint(1, 2), most)
            if not lines:
                break
            mark = self.leaf.write([f"{number}." if bullet == "number" else bullet], column.left, column.y, self.font)
            self.leaf.fixed |= set(mark)
            first = self.leaf.lines.pop()
            count = len(self.leaf.lines)
            place = (indent, column.right, column.y)
            text = self.leaf.fill(self._sentences(), place, lines, self.font, self.rng.uniform(0.5, 1.0))
            self.leaf.lines[count] = first + self.leaf.lines[count]
            self.leaf.end_sentence(text)
            written += [*mark, *text]
            column.y += lines * self.font.leading
            most -= lines
        self.leaf.block("list", "list", tuple(written))
        column.y += GAP

    def _figure(self, column: Column) -> None:
        height = self.rng.randrange(90, 150)
        box = (column.left, column.y, column.right, column.y + height)
        self.leaf.figures.append(Figure(box, self.rng.getrandbits(32)))
        self.leaf.blocks.append(Block("figure", (), box))
        column.y += height + 6
        self._caption("figure", self.words.phrases.figure, column)

    def _table(self, column: Column) -> None:
        """A table with its caption above."""
        self._caption("table", self.words.phrases.table, column)
        columns = max(3, min(6, column.width // 75))
        most = next(rows for rows in range(7, 2, -1) if table_height(rows, self.small) < column.bottom - column.y - GAP)
        frame = Frame(column.left, column.y - 2, column.width, self.small, self.rng.choice(STYLES))
        setter = TableSetter(self.leaf, self.rng, self.words, frame, self.taken)
        column.y = setter.set(self.rng.randint(3, most), columns, structure=False) + GAP

    def _caption(self, kind: str, name: str, column: Column) -> None:
        self.numbers[kind] += 1
        label = [name, f"{self.numbers[kind]}:"]
        text = itertools.chain(label, self._sentences())
        words = self._lines("caption", text, column, self.small, 1, last=0.9, stop=True)
        self.leaf.fixed |= set(words[:2])

    def _lines(
        self,
        entity: str,
        texts: Iterator[str],
        column: Column,
        font: Font,
        count: int,
        *,
        last: float,
        stop: bool = False,
    ) -> tuple[int, ...]:
        """Sets a block of so many lines and moves down."""
        words = self.leaf.fill(texts, (column.left, column.right, column.y), count, font, last)
        if stop:
            self.leaf.end_sentence(words)
        self.leaf.block(REGION_OF[entity], entity, words)
        column.y += count * font.leading + GAP
        return words

    def _sentences(self) -> Iterator[str]:
        """Each block begins a sentence of its own."""
        return sentences(self.rng, self.words)

    def _some(self, texts: Iterator[str], least: int, most: int) -> list[str]:
        return [next(texts) for _ in range(self.rng.randint(least, most))]


def _columns(whole: Column, count: int, room: int) -> Iterator[Column]:
    """The columns below what is set already, less ``room`` at the foot."""
    width = (whole.width - GUTTER * (count - 1)) // count
    for number in range(count):
        left = whole.left + number * (width + GUTTER)
        yield Column(left, left + width, whole.y, whole.bottom - room)
