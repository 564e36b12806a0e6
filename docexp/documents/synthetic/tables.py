"""Pages of tables: one below the other, each under its caption, with a paragraph between."""

import itertools
import random
from collections.abc import Iterator

from docexp.documents.synthetic.glyphs import Font
from docexp.documents.synthetic.languages import Vocabulary
from docexp.documents.synthetic.leaf import Leaf
from docexp.documents.synthetic.prose import sentences
from docexp.documents.synthetic.table import STYLES, Frame, TableSetter, table_height

WIDTH, HEIGHT = 765, 990  # letter paper at 90 dpi
REGIONS = ("text", "table")
GAP = 14


def layout_tables(rng: random.Random, words: Vocabulary) -> Leaf:
    """One page; all its tables are drawn in the same way, which is its class."""
    style = rng.choice(STYLES)
    leaf = Leaf(WIDTH, HEIGHT, document_class=style)
    font = Font(rng.choice(("DejaVuSans", "DejaVuSerif")), rng.choice((10, 11)))
    left, y = rng.randrange(44, 70), rng.randrange(40, 60)
    taken: set[str] = set()
    for number in itertools.count(1):
        rows, columns = rng.randint(4, 10), rng.randint(3, 7)
        if y + table_height(rows, font) + 5 * font.leading > HEIGHT - 40:
            break
        label = [words.phrases.table, f"{number}:"]
        text = itertools.chain(label, sentences(rng, words))
        y = _paragraph(leaf, text, (left, WIDTH - left, y), 1, font) - 4
        leaf.fixed |= set(leaf.blocks[-1].words[:2])
        width = rng.randint(90 * columns, WIDTH - 2 * left) if 90 * columns < WIDTH - 2 * left else WIDTH - 2 * left
        setter = TableSetter(leaf, rng, words, Frame(left, y, width, font, style), taken)
        y = setter.set(rows, columns) + GAP
        y = _paragraph(leaf, sentences(rng, words), (left, WIDTH - left, y), rng.randint(1, 3), font) + GAP
    return leaf


def _paragraph(leaf: Leaf, text: Iterator[str], place: tuple[int, int, int], lines: int, font: Font) -> int:
    """Sets a paragraph or a caption; the height at which what follows it may begin."""
    words = leaf.fill(text, place, lines, font, 0.7)
    leaf.end_sentence(words)
    leaf.block("text", "other", words)
    return place[2] + lines * font.leading + GAP
