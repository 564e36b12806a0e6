"""What all built-in corpora share: how many documents of each split, the seed, the scanner."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from docexp.documents.readers.reader import SPLITS, Reader, Report
from docexp.settings import AtLeast0


@dataclass(kw_only=True)
class Corpus(Reader):
    """Documents drawn from a seed; each depends on its split, its number, and the settings other than the counts."""

    licence: ClassVar[str] = "Apache-2.0 (drawn by docexp; fonts: DejaVu)"
    needs_source: ClassVar[bool] = False

    train: AtLeast0 = 240
    """Documents of the training split; they have one page each unless the corpus says otherwise."""
    validation: AtLeast0 = 30
    """Documents of the validation split."""
    test: AtLeast0 = 60
    """Documents of the test split."""
    seed: int = 0
    """What every page is drawn from."""
    noise: Literal["none", "light", "heavy"] = "light"
    """What the scanner does: ``none``, ``light`` (uneven light, specks) or ``heavy`` (also blur and a slight turn)."""

    def units(self, source: Path | None, report: Report) -> Iterator[Any]:
        """Split and number of every document; there is nothing to report."""
        for split in SPLITS:
            for number in range(getattr(self, split)):
                yield split, number

    def key(self, split: str, number: int) -> str:
        """A document's id."""
        return f"{self.name}-{self.seed}-{split}-{number:06d}"

    def stream(self, split: str, number: int, purpose: str) -> random.Random:
        """The generator of a document for one purpose."""
        return random.Random(f"{self.key(split, number)} {purpose}")  # text seeds by SHA-512: alike in every process
