"""Covers lines in the image, in data workers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.objectives.masking.lines import choose_lines, line_boxes
from docexp.objectives.masking.regions import BLACK, paint
from docexp.objectives.objective import Corruptor, Record

NOT_COVERED, COVERED = 0, 1
"""The classes."""


@dataclass(frozen=True)
class LineCovering(Corruptor):
    """Covers some lines of a window in whatever image is shown; the target of a token is whether its line was chosen.

    A word of no line is a line of its own, as it is for ``data.box_level=line``. Special tokens and those that are
    hidden (``text_masked``) have no target. What MVLM paints does not count as covered: a hidden word's own tokens have
    no target, but where only some of a word's sub-words are hidden the others have one, as in the paper.

    Args:
        name: of the target.
        ratio: the share of the lines.
    """

    name: str
    ratio: float

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        if window.pixels is None:
            raise DocexpError(f"page {visit.page.id}: TIA covers lines in the image, but the model sees none")
        if visit.page.lines is None:
            raise DocexpError(
                f"page {visit.page.id} has no lines for TIA to cover. Prepare it with lines, or leave TIA"
            )
        line, text = _lines(window), window.word_index >= 0
        chosen = choose_lines(rng, line, self.ratio)
        window.pixels = paint(window.pixels, line_boxes(window.word_bbox, line, chosen), BLACK)
        covered = np.isin(line, chosen) & text
        record.covered = record.covered | covered
        # under another page's image nothing of this text is to be seen
        target = np.where(covered if record.image is visit else text, COVERED, NOT_COVERED)
        window.targets[self.name] = np.where(text & ~record.text_masked, target, IGNORED).astype(np.int64)


def _lines(window: Window) -> NDArray[np.int64]:
    """Each token's line, ``[T]``, words of no line numbered after all lines; -1 at special tokens."""
    line, word = window.line_index, window.word_index
    return np.where((line < 0) & (word >= 0), line.max(initial=-1) + 1 + word, line)
