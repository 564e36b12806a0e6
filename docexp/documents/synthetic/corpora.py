"""The settings of the corpora without cues: articles, tables, statements with questions."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import article, statement, tables
from docexp.documents.synthetic.drawn import Drawn, Unit
from docexp.documents.synthetic.grid import CELLS
from docexp.documents.synthetic.languages import Vocabulary
from docexp.documents.synthetic.leaf import Leaf
from docexp.documents.synthetic.phrases import KEYS, STATEMENTS
from docexp.documents.synthetic.questions import (
    Asked,
    enough,
    holds,
    plan_questions,
    question,
    stay_unique,
    unread_words,
)
from docexp.documents.synthetic.scan_order import misordered
from docexp.documents.synthetic.twin import twin
from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Share


@dataclass(kw_only=True)
class SyntheticArticles(Drawn):
    """Articles in one, two or three columns, with layout regions and the true reading order (see ``article``).

    Everything about regions, classes and reading order is to be seen on the page: the ceiling of each task is 1. What
    the naive order, row by row across the page, gets wrong is counted when pages are prepared.
    """

    name: ClassVar[str] = "synthetic_articles"

    polygons: bool = True
    """Whether regions have their outline as a polygon, as PubLayNet's do, and its area; else the box's area."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """One, two or three columns."""
        return tuple(article.COLUMNS)

    @property
    def with_polygons(self) -> bool:
        """As set."""
        return self.polygons

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions, the blocks as entities, the kind of article, the reading order."""
        return {
            "regions": article.REGIONS,
            "entities": article.ENTITIES,
            "document_class": self.classes,
            "reading_order": (),
        }

    def layout(self, rng: random.Random, words: Vocabulary) -> list[Leaf]:
        """See ``article``."""
        return [article.layout_article(rng, words)]

    def note(self, page: Page, document: list[Page], report: Report) -> None:
        """What the naive reading order gets wrong."""
        report.note(
            "words that are not followed by their next when read row by row across the page",
            misordered(page.reading_order or (), page.word_boxes, page.lines or ()),
            one="word that is not followed by its next when read row by row across the page",
        )


@dataclass(kw_only=True)
class SyntheticTables(Drawn):
    """Pages of tables whose cells are entities, linked by the heads that stand over and beside them (see ``grid``).

    Heads and cells are told by place and look; the structure is fully visible: the ceiling of each task is 1.
    """

    name: ClassVar[str] = "synthetic_tables"

    @property
    def kinds(self) -> tuple[str, ...]:
        """How the tables are drawn."""
        return tables.STYLES

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions, cells as entities with their relations, how the tables are drawn, the reading order."""
        return {
            "regions": tables.REGIONS,
            "entities": (*CELLS, "other"),
            "relations": ("row", "column"),
            "document_class": self.classes,
            "reading_order": (),
        }

    def layout(self, rng: random.Random, words: Vocabulary) -> list[Leaf]:
        """See ``tables``."""
        return [tables.layout_tables(rng, words)]


@dataclass(kw_only=True)
class SyntheticQuestions(Drawn):
    """Statements of one or more pages with questions about their fields and tables (see ``statement``, ``questions``).

    A document's fields are given with its first page, wherever their evidence stands; the other pages have none.

    Raises:
        DocexpError: more pages than there are keys for, questions about other pages where there is but one.
    """

    name: ClassVar[str] = "synthetic_questions"

    document_pages: AtLeast1 = 1
    """Pages of a document."""
    questions: AtLeast1 = 4
    """Questions asked on a page."""
    missed: Share = 0.1
    """The share of questions whose answer is in the image and not in the words, for each of the two kinds below."""
    elsewhere: Share = 0.0
    """The share of questions whose answer stands on another page of the document."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.document_pages > statement.MOST_PAGES:
            raise DocexpError(
                f"document_pages={self.document_pages} must be at most {statement.MOST_PAGES}: there are no more keys."
            )
        if self.questions > statement.MOST_QUESTIONS:
            raise DocexpError(f"questions={self.questions} must be at most {statement.MOST_QUESTIONS}, for each page.")
        if self.elsewhere and self.document_pages == 1:
            raise DocexpError(
                f"elsewhere={self.elsewhere} needs documents of several pages: set document_pages=2 or more."
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Invoices, orders, receipts."""
        return STATEMENTS

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Questions with answers, fields, keys and values and cells as entities, their links, the reading order."""
        return {
            "questions": (),
            "fields": KEYS,
            "entities": ("question", "answer", *CELLS, "other"),
            "relations": ("link", "row", "column"),
            "document_class": self.classes,
            "reading_order": (),
        }

    def layout(self, rng: random.Random, words: Vocabulary) -> list[Leaf]:
        """See ``statement``; a document with too little to ask about is laid out anew."""
        while True:
            leaves = statement.layout_statement(rng, words, self.document_pages)
            if enough(leaves):
                return leaves

    def retold(self, leaves: list[Leaf], split: str, number: int, words: Vocabulary) -> list[Leaf]:
        """The twin's leaves, of which the same can be asked without doubt."""
        rng, asked = self.stream(split, number, "twin"), self._asked(leaves, split, number)
        while True:
            found = [twin(leaf, rng, words) for leaf in leaves]
            if stay_unique(asked, found):
                return found

    def compose(self, unit: Unit, leaves: list[Leaf], originals: list[Leaf], words: Vocabulary) -> Iterator[Page]:
        """The pages in their order, each with its questions."""
        split, number, is_twin = unit
        asked = self._asked(originals, split, number)
        told = {name: (leaf.text(leaf.field_words[name]),) for leaf in leaves for name in leaf.field_words}
        for place, leaf in enumerate(leaves):
            here = [one for one in asked if one.page == place]
            yield self.page(
                unit,
                leaf,
                (place, self.document_pages),
                unread=unread_words(asked, leaf, place, self.stream(split, number, f"missed {place}")),
                questions=[
                    question(one, leaves, words.phrases, f"{self.key(split, number)}-{place}-{at}{'-twin' * is_twin}")
                    for at, one in enumerate(here)
                ],
                fields={} if place else {name: told[name] for name in KEYS if name in told},
            )

    def note(self, page: Page, document: list[Page], report: Report) -> None:
        """Questions that cannot be answered by pointing at words."""
        for one in page.questions or ():
            if not any(holds(other, one.answers[0]) for other in document):
                report.note(
                    "questions whose answer is in the image but not in the words",
                    one="question whose answer is in the image but not in the words",
                )
            elif not holds(page, one.answers[0]):
                report.note(
                    "questions whose answer is in the words of another page",
                    one="question whose answer is in the words of another page",
                )

    def _asked(self, leaves: list[Leaf], split: str, number: int) -> list[Asked]:
        return plan_questions(
            leaves,
            self.stream(split, number, "questions"),
            number=number,
            each=self.questions,
            elsewhere=self.elsewhere,
            missed=self.missed,
        )
