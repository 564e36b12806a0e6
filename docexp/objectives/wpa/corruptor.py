"""Labels tokens by what is hidden of their words' places, in data workers."""

from dataclasses import dataclass

import numpy as np

from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.objectives.masking.alignment import Rule, token_patches, unaligned
from docexp.objectives.objective import Corruptor, Record


@dataclass(frozen=True)
class AlignmentLabels(Corruptor):
    """1 for unaligned tokens, 0 for aligned ones, none for special tokens and for those that MLM hides.

    Args:
        name: of the target.
        rule: how many hidden patches make a token unaligned.
        grid: patches along a side.
    """

    name: str
    rule: Rule
    grid: int

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class; draws nothing."""
        del rng
        assert record.patches_masked is not None  # the order of the set requires an objective that hides patches
        hidden = unaligned(token_patches(window.word_bbox, self.grid), record.patches_masked, self.rule)
        # a replaced image shows other words, a dropped one none: what is hidden of them says nothing about these
        labelled = (window.word_index >= 0) & ~record.text_masked & (record.image is visit)
        window.targets[self.name] = np.where(labelled, hidden.astype(np.int64), IGNORED)
