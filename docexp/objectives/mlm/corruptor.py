"""Hides tokens, in data workers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.objectives.masking.regions import BLACK, paint
from docexp.objectives.masking.spans import span_mask
from docexp.objectives.masking.tokens import replace_tokens, token_mask
from docexp.objectives.objective import Corruptor, Record

if TYPE_CHECKING:
    from docexp.objectives.mlm import MLMSettings


@dataclass(frozen=True)
class TextMasking(Corruptor):
    """Chooses tokens, keeps their ids as targets, and lets the model see something else. Boxes stay.

    With ``mask_image`` the boxes of all words of which a token is hidden are painted over, in whatever image is shown.

    Args:
        name: of the target.
        settings: the law.
        mask_id: the id that stands for a hidden token.
        candidates: what a random token is drawn from.
    """

    name: str
    settings: "MLMSettings"
    mask_id: int
    candidates: NDArray[np.int64]

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        law, maskable = self.settings, window.word_index >= 0  # special tokens belong to no word
        if law.masking == "spans":
            masked = span_mask(rng, maskable, law.ratio, law.span_length)
        else:
            masked = token_mask(rng, maskable, law.ratio)
        window.targets[self.name] = np.where(masked, window.input_ids, IGNORED)
        window.input_ids = replace_tokens(
            rng, window.input_ids, masked, self.mask_id, self.candidates, keep=law.keep, random=law.random
        )
        record.text_masked = record.text_masked | masked
        if law.mask_image:
            if window.pixels is None:
                raise DocexpError(f"page {visit.page.id}: mask_image=true, but the model sees no image")
            words = np.isin(window.word_index, window.word_index[masked]) & maskable
            window.pixels = paint(window.pixels, window.word_bbox[words], BLACK)
