"""What articles, tables and statements share: languages, twins, the order of words, OCR noise."""

import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from docexp.documents.page import Page, Question
from docexp.documents.readers.reader import SPLITS, Report
from docexp.documents.synthetic.base import Corpus
from docexp.documents.synthetic.languages import Vocabulary, check_languages, vocabulary
from docexp.documents.synthetic.leaf import Leaf
from docexp.documents.synthetic.noise import SCANNERS
from docexp.documents.synthetic.ocr import OcrNoise, add_ocr_noise
from docexp.documents.synthetic.pages import PageNames, Stored, page_of, scanned, stored_order
from docexp.documents.synthetic.paint import paint
from docexp.documents.synthetic.twin import twin
from docexp.settings import Share

Unit = tuple[str, int, bool]
"""A document: its split, its number, and whether it is the twin."""


@dataclass(kw_only=True)
class Drawn(Corpus):
    """Documents whose words come from a language's vocabulary.

    A document depends on its split, its number, and the settings other than the counts and ``twins``: with twins there
    are more documents, and the others stay as they are.

    Raises:
        DocexpError: a language that is not known, shares that do not add up to 1.
    """

    stored: Stored = "scan"
    """How words are stored: in ``scan`` order, row by row across the whole page, or ``shuffled`` line by line."""
    languages: dict[str, Share] = field(default_factory=dict)
    """The share of documents in each language, 1 in all: en, de, fr, es, it, pt, el, ru; empty for English alone."""
    document_class: Literal["kind", "language"] = "kind"
    """What a page's class says: its ``kind`` of layout, or its ``language``."""
    twins: bool = False
    """Whether each document is followed by its twin, of the same layout with other words and the id ``…-twin``."""
    ocr_misread: Share = 0.0
    """The share of words in which a character is misread."""
    ocr_split: Share = 0.0
    """The share of words that are split in two."""
    ocr_merged: Share = 0.0
    """The share of words that are merged with the next on their line."""
    ocr_dropped: Share = 0.0
    """The share of words that are dropped."""
    ocr_moved: Share = 0.0
    """The share of lines that are stored elsewhere among the lines."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_languages(self.language_shares)

    @property
    @abstractmethod
    def kinds(self) -> tuple[str, ...]:
        """The document classes under ``document_class=kind``."""

    @abstractmethod
    def layout(self, rng: random.Random, words: Vocabulary) -> list[Leaf]:
        """The pages of one document, laid out."""

    def compose(self, unit: Unit, leaves: list[Leaf], originals: list[Leaf], words: Vocabulary) -> Iterator[Page]:
        """The pages of one document, each from a leaf by ``page``; ``originals`` are the leaves that a twin retells."""
        for leaf in leaves:
            yield self.page(unit, leaf)

    @property
    def language_shares(self) -> dict[str, float]:
        """The share of documents in each language."""
        return dict(self.languages) or {"en": 1.0}

    @property
    def with_polygons(self) -> bool:
        """Whether regions have polygons."""
        return False

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the document classes."""
        return tuple(self.language_shares) if self.document_class == "language" else self.kinds

    def units(self, source: Path | None, report: Report) -> Iterator[Unit]:
        """Every document, with its twin after it.

        Raises:
            DocexpError: a language whose letters the fonts lack.
        """
        for language in self.language_shares:
            vocabulary(language)
        for split in SPLITS:
            for number in range(getattr(self, split)):
                yield from ((split, number, is_twin) for is_twin in ((False, True) if self.twins else (False,)))

    def read(self, unit: Unit, report: Report) -> Iterator[tuple[str, Page]]:
        """The pages of one document."""
        for page in self.document(*unit, report=report):
            yield unit[0], page

    def document(self, split: str, number: int, is_twin: bool = False, report: Report | None = None) -> list[Page]:
        """The pages of document ``number`` of ``split``, or of its twin."""
        shares = self.language_shares
        (language,) = self.stream(split, number, "language").choices(list(shares), list(shares.values()))
        words = vocabulary(language)
        originals = self.layout(self.stream(split, number, "layout"), words)
        leaves = self.retold(originals, split, number, words) if is_twin else originals
        if self.document_class == "language":
            for leaf in leaves:
                leaf.document_class = language
        pages = list(self.compose((split, number, is_twin), leaves, originals, words))
        noise = OcrNoise(self.ocr_misread, self.ocr_split, self.ocr_merged, self.ocr_dropped, self.ocr_moved)
        report = report if report is not None else Report()
        rng = self.stream(split, number, f"ocr {is_twin}")
        pages = [add_ocr_noise(page, noise, rng, report) for page in pages]
        for page in pages:
            self.note(page, pages, report)
        return pages

    def note(self, page: Page, document: list[Page], report: Report) -> None:
        """Counts what a user should know of a page; nothing here."""

    def retold(self, leaves: list[Leaf], split: str, number: int, words: Vocabulary) -> list[Leaf]:
        """The leaves of the twin."""
        rng = self.stream(split, number, "twin")
        return [twin(leaf, rng, words) for leaf in leaves]

    def page(
        self,
        unit: Unit,
        leaf: Leaf,
        place: tuple[int, int] = (0, 1),
        *,
        unread: dict[int, str] | None = None,
        questions: Sequence[Question] = (),
        fields: dict[str, tuple[str, ...]] | None = None,
    ) -> Page:
        """A leaf as a page; ``place`` is its number and its document's count of pages. See ``page_of`` for the rest.

        Twins share the scanner's noise and the order of the words.
        """
        split, number, is_twin = unit
        document = self.key(split, number) + ("-twin" if is_twin else "")
        scanner = SCANNERS[self.noise]
        found = scanned(leaf, paint(leaf), scanner, self.stream(split, number, f"noise {place[0]}"))
        order = stored_order(found.words, leaf.lines, self.stored, self.stream(split, number, f"order {place[0]}"))
        return page_of(
            leaf,
            PageNames(document if place[1] == 1 else f"{document}-page{place[0]}", document, place[0]),
            found,
            order,
            unread or {},
            kinds=self.annotations,
            polygons=self.with_polygons,
            questions=questions,
            fields=fields,
            noisy=scanner is not None,
        )
