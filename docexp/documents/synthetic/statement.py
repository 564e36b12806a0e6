"""Statements: invoices, orders and receipts of one or more pages, with keys and values, a table and a note.

The keys of a document differ, and so do the heads of its tables' rows and columns.
"""

import random

from docexp.documents.synthetic.glyphs import Font, stamp
from docexp.documents.synthetic.languages import Vocabulary
from docexp.documents.synthetic.leaf import Evidence, Leaf
from docexp.documents.synthetic.phrases import KEYS, STATEMENTS
from docexp.documents.synthetic.prose import sentences
from docexp.documents.synthetic.table import STYLES, Frame, TableSetter

WIDTH, HEIGHT = 680, 880  # letter paper at 80 dpi
MOST_PAGES = 6
"""Two of the twelve keys for each page."""

MOST_QUESTIONS = 4
"""For each page, so that there is enough to ask about (see ``questions.ENOUGH``)."""

KEY_WIDTH = 150
"""Pixels from a key to the value beside it: more than any key takes."""


def layout_statement(rng: random.Random, words: Vocabulary, pages: int) -> list[Leaf]:
    """The pages of one statement."""
    kind = rng.randrange(len(STATEMENTS))
    face = rng.choice(("DejaVuSans", "DejaVuSerif"))
    keys = rng.sample(range(len(KEYS)), len(KEYS))
    taken = {words.phrases.keys[key] for key in keys}
    firm = [rng.choice(words.family_names), rng.choice(words.cities)]
    each = min(6, len(KEYS) // pages)
    leaves: list[Leaf] = []
    for number in range(pages):
        leaf = Leaf(WIDTH, HEIGHT, document_class=STATEMENTS[kind])
        page = _Page(leaf, rng, words, face, taken)
        page.head([words.phrases.kinds[kind]], firm)
        page.values(keys[number * each : (number + 1) * each])
        page.table()
        page.note()
        page.foot(number + 1, pages)
        leaves.append(leaf)
    return leaves


def value(rng: random.Random, key: str, words: Vocabulary) -> list[str]:
    """The words of a value."""
    if key in ("customer", "contact"):
        return words.name(rng)
    if key == "city":
        return [rng.choice(words.cities)]
    if key in ("issued", "due"):
        return [f"{rng.randint(1, 28):02}.{rng.randint(1, 12):02}.{rng.randint(2015, 2029)}"]
    if key in ("net", "tax", "total"):
        return [f"{rng.randint(1000, 999_999) / 100:.2f}"]
    if key == "phone":
        return [f"0{rng.randint(10, 99)}", str(rng.randint(100_000, 999_999))]
    return [f"{rng.randint(100, 999)}-{rng.randint(1000, 99_999)}"]


class _Page:
    """One page on its way to a leaf, filled from the top."""

    def __init__(self, leaf: Leaf, rng: random.Random, words: Vocabulary, face: str, taken: set[str]) -> None:
        self.leaf, self.rng, self.words, self.taken = leaf, rng, words, taken
        self.font, self.bold = Font(face, 12), Font("DejaVuSans-Bold", 12)
        self.left, self.y = rng.randrange(40, 60), rng.randrange(36, 56)
        self.right = WIDTH - self.left

    def head(self, title: list[str], firm: list[str]) -> None:
        """The kind of statement, and whose it is."""
        leaf = self.leaf
        big = leaf.write(title, self.left, self.y, Font("DejaVuSans-Bold", 22))
        leaf.fixed |= set(big)
        leaf.entity("other", big)
        leaf.entity("other", leaf.write(firm, self.right - 190, self.y + 6, self.font))
        leaf.rules.append((self.left, self.y + 34, self.right, self.y + 35))
        self.y += 56

    def values(self, keys: list[int]) -> None:
        """Keys and their values, in two columns; a value stands beside its key or below it."""
        leaf, phrases = self.leaf, self.words.phrases
        width = (self.right - self.left) // 2
        below = self.rng.random() < 0.4
        row = self.font.leading * (2 if below else 1) + 12
        for place, key in enumerate(keys):
            x, y = self.left + place % 2 * width, self.y + place // 2 * row
            asked = leaf.write([*phrases.keys[key].split()[:-1], phrases.keys[key].split()[-1] + ":"], x, y, self.bold)
            leaf.fixed |= set(asked)
            left, top = (x, y + self.font.leading) if below else (x + KEY_WIDTH, y)
            told = leaf.write(self._value(KEYS[key], x + width - left - 10), left, top, self.font)
            leaf.links.append((leaf.entity("question", asked), leaf.entity("answer", told), "link"))
            if KEYS[key] != "city":
                leaf.evidence.append(Evidence("field", (asked,), told))
            leaf.field_words[KEYS[key]] = told
        self.y += (len(keys) + 1) // 2 * row + 14

    def _value(self, key: str, room: int) -> list[str]:
        """The words of a value that is no wider than ``room``."""
        while True:
            texts = value(self.rng, key, self.words)
            if sum(stamp(text, self.font).width + self.font.space for text in texts) <= room:
                return texts

    def table(self) -> None:
        """A table with two or more columns of numbers."""
        frame = Frame(self.left, self.y, self.right - self.left, self.font, self.rng.choice(STYLES))
        setter = TableSetter(self.leaf, self.rng, self.words, frame, self.taken)
        self.y = setter.set(self.rng.randint(6, 9), self.rng.randint(3, 5)) + 20

    def note(self) -> None:
        """A paragraph."""
        place = (self.left, self.right, self.y)
        text = self.leaf.fill(sentences(self.rng, self.words), place, self.rng.randint(2, 4), self.font, 0.6)
        self.leaf.end_sentence(text)
        self.leaf.entity("other", text)

    def foot(self, number: int, pages: int) -> None:
        """The page's number."""
        texts = [self.words.phrases.page, f"{number}/{pages}"]
        foot = self.leaf.write(texts, self.right - 90, HEIGHT - 40, Font("DejaVuSans", 10))
        self.leaf.fixed |= set(foot)
        self.leaf.entity("other", foot)
