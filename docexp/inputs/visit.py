"""One visit of a sample: what its inputs are made from besides the page, and where its randomness comes from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.encoder import PageEncoder
from docexp.inputs.sample import Window
from docexp.shards.corpora import PageReader
from docexp.shards.order import sample_rng

TRIES = 64
"""Draws of a partner before a split is said to hold one document: with two of equal size 64 fail once in 10^19."""


@dataclass(frozen=True)
class Visit:
    """A sample of a row in an epoch, as a corruption sees it.

    Args:
        page: the sample's page.
        row: its row.
        rng: gives the generator of a purpose; the same for the same sample, epoch and purpose in any process.
        members: gives all members of the sample in its tar, by suffix.
        partner: draws another document's visit from a generator.
        windows: encodes what the sample shows of the page.
        part: the part of the page that it shows; None: all.
    """

    page: Page
    row: int
    rng: Callable[[str], np.random.Generator]
    members: Callable[[], Mapping[str, bytes]]
    partner: Callable[[np.random.Generator], "Visit"]
    windows: Callable[[], list[Window]]
    part: Part | None = None

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The page's image as the model sees it, ``[3, H, W]``.

        Raises:
            DocexpError: the model sees no image.
        """
        pixels = self.windows()[0].pixels
        if pixels is None:
            raise DocexpError("an objective changes the image, but the model sees none: set model.image")
        return pixels


@dataclass(frozen=True)
class Visits:
    """Makes visits.

    Args:
        reader: pages by row.
        encoder: pages to windows.
        partners: the rows that partners are drawn from.
        whole: whether all of every page is shown, as in evaluations, whatever training would draw.
    """

    reader: PageReader
    encoder: PageEncoder
    partners: "RowDraw"
    whole: bool = False

    def visit(self, page: Page, row: int, seed: int, epoch: int) -> Visit:
        """The visit of a row in an epoch, its page being read already."""

        def partner(rng: np.random.Generator) -> Visit:
            for _ in range(TRIES):
                other = self.partners(rng)
                found = self.reader.read(other)
                if found.document_id != page.document_id:
                    return self.visit(found, other, seed, epoch)
            raise DocexpError(
                f"page {page.id}: no other document was found in {TRIES} draws. An objective that mixes documents "
                "(TIM) needs training data of several."
            )

        def rng(purpose: str) -> np.random.Generator:
            return sample_rng(seed, epoch, row, purpose)

        part = None if self.whole else self.encoder.training_part(page, rng("part of the page"))
        return Visit(
            page,
            row,
            rng=rng,
            members=lambda: self.reader.members(row),
            partner=partner,
            windows=lambda: self.encoder.encode(page, part),
            part=part,
        )


@dataclass(frozen=True)
class RowDraw:
    """Draws a row of several corpora, each row as likely as any other.

    Args:
        rows: of each corpus, those that may be drawn.
        firsts: of each corpus, the number of its row 0 among the rows of all.
    """

    rows: tuple[Sequence[int], ...]
    firsts: tuple[int, ...] = (0,)

    def __call__(self, rng: np.random.Generator) -> int:
        """A row."""
        number = int(rng.integers(sum(map(len, self.rows))))
        for rows, first in zip(self.rows, self.firsts, strict=True):
            if number < len(rows):
                return first + rows[number]
            number -= len(rows)
        raise AssertionError
