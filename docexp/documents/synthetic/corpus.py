"""The settings of the corpora whose labels have cues: forms and receipts."""

import random
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from docexp.documents.geometry import as_boxes
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import form, receipt
from docexp.documents.synthetic.base import Corpus
from docexp.documents.synthetic.cues import (
    CUES,
    Ceiling,
    Cue,
    ImageCue,
    Section,
    ceiling,
    check_shares,
    plan_sections,
)
from docexp.documents.synthetic.draw import draw
from docexp.documents.synthetic.noise import SCANNERS, scan
from docexp.documents.synthetic.record import encode, record
from docexp.documents.synthetic.sheet import Sheet
from docexp.settings import Share, ShareBelow1


def _thirds() -> dict[str, float]:
    return dict.fromkeys(CUES, 1 / 3)


@dataclass(kw_only=True)
class Synthetic(Corpus):
    """Pages drawn from a seed, in which it is known where the evidence for each label lies (see ``cues``).

    Page ``k`` of a split depends on ``k``, the split, and the settings other than the page counts.

    Raises:
        DocexpError: an unknown cue, image cue or noise, shares that are none, a negative number of pages.
    """

    sections: ClassVar[int]
    """Sections on a page."""
    roles: ClassVar[int]
    """Columns of a section."""
    labelled: ClassVar[int]
    """How many of the roles are entities to be found (the others are ``other``)."""

    cue: Literal[Cue, "mixed"] = "mixed"
    """Where the evidence lies: ``text``, ``layout``, ``image``, or ``mixed``: each section by ``shares``."""
    image_cue: ImageCue = "field"
    """What tells in image-cued sections: ``page``, ``field`` or ``tick``."""
    shares: dict[str, Share] = field(default_factory=_thirds)
    """Under ``cue=mixed``, the share of sections with each cue, 1 in all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(self.shares)

    @abstractmethod
    def layout(self, rng: random.Random, sections: Sequence[Section], tone: int) -> Sheet:
        """One page, laid out; the draws of ``rng`` do not depend on what only pixels show."""

    @property
    def cue_shares(self) -> dict[str, float]:
        """The share of sections with each cue."""
        return dict(self.shares) if self.cue == "mixed" else {cue: float(cue == self.cue) for cue in CUES}

    def ceiling(self, modalities: Collection[str]) -> Ceiling:
        """The scores that nobody who sees only ``modalities`` (of text, layout, image) beats in the long run."""
        return ceiling(self.cue_shares, modalities, self.roles, self.labelled)

    def read(self, unit: tuple[str, int], report: Report) -> Iterator[tuple[str, Page]]:
        """One page."""
        split, number = unit
        yield split, self.page(split, number)

    def page(self, split: str, number: int, extra_turn: int = 0) -> Page:
        """Page ``number`` of ``split``; with ``extra_turn`` its *twin*.

        Twins have the same words and boxes. What the pixels of image-cued sections show is turned by so many columns,
        and the labels with it.
        """
        stream = partial(self.stream, split, number)
        sections, tone = plan_sections(
            stream("cues"),
            self.cue_shares,
            self.image_cue,
            roles=self.roles,
            count=self.sections,
            extra_turn=extra_turn,
        )
        sheet = self.layout(stream("layout"), sections, tone)
        image, boxes = draw(sheet, self.image_cue), as_boxes([word.box for word in sheet.words])
        scanner = SCANNERS[self.noise]
        if scanner is not None:
            image, boxes = scan(image, boxes, scanner, np.random.default_rng(stream("noise").getrandbits(64)))
        return record(sheet, self.key(split, number), boxes, stream("order"), encode(image, noisy=scanner is not None))


@dataclass(kw_only=True)
class SyntheticForms(Synthetic):
    """Forms of four kinds, whose rows hold a header, a question and its answer, linked in that order."""

    name: ClassVar[str] = "synthetic_forms"
    sections: ClassVar[int] = form.SECTIONS
    roles: ClassVar[int] = len(form.ROLES)
    labelled: ClassVar[int] = len(form.ROLES)

    empty: ShareBelow1 = 0.0
    """The share of a section's cells that nobody filled in, whatever their roles. With some, forms differ in where
    their words stand, so that an image can be told to be another form's."""

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities, relations, the kind of form, the true reading order."""
        return {
            "entities": (*form.ROLES, "other"),
            "relations": ("link",),
            "document_class": form.KINDS,
            "reading_order": (),
        }

    def layout(self, rng: random.Random, sections: Sequence[Section], tone: int) -> Sheet:
        """See ``form``."""
        return form.layout_form(rng, sections, tone, self.empty)


@dataclass(kw_only=True)
class SyntheticReceipts(Synthetic):
    """Receipts with four fields to find, each of which stands beside another value of its kind."""

    name: ClassVar[str] = "synthetic_receipts"
    sections: ClassVar[int] = len(receipt.SECTIONS)
    roles: ClassVar[int] = 2
    labelled: ClassVar[int] = 1

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Entities, the fields' values, the true reading order; all pages are of one class."""
        return {
            "entities": (*receipt.FIELDS, "other"),
            "document_class": ("receipt",),
            "reading_order": (),
            "fields": receipt.FIELDS,
        }

    def layout(self, rng: random.Random, sections: Sequence[Section], tone: int) -> Sheet:
        """See ``receipt``."""
        return receipt.layout_receipt(rng, sections, tone)
