"""Hides patches, in data workers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.objectives.masking.blockwise import blockwise_mask
from docexp.objectives.objective import Corruptor, Record

if TYPE_CHECKING:
    from docexp.objectives.mim import MIMSettings

CODE_SIDE = 8
"""Pixels along a side that make one code: 112 × 112 pixels have 14 × 14 codes in LayoutLMv3 and DiT."""


@dataclass(frozen=True)
class PatchMasking(Corruptor):
    """Chooses patches, and says what is to be guessed behind them: the codes of the image that the model is shown.

    Patches of an image that is another page's have that page's codes. Where the image was dropped, patches are hidden
    all the same, so that hiding tells nothing about it, but there is nothing to guess.

    What the device makes by itself, from pixels or with an image tokenizer, has 0 for a target here, to say where.

    Args:
        name: of the target.
        settings: the law.
        grid: patches along a side.
    """

    name: str
    settings: "MIMSettings"
    grid: int

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        law, grid = self.settings, self.grid
        hidden = law.hidden_number(grid)
        mask = blockwise_mask(rng, grid, grid, hidden, smallest=law.smallest_block(grid), aspect=law.aspect).ravel()
        window.patch_mask = record.patches_masked = mask
        targets = np.zeros(grid**2, dtype=np.int64)
        if law.tokenizer is not None:
            window.code_pixels = self._code_pixels(record.image)
        elif law.target == "codes" and record.image is not None:
            targets = self._stored(record.image)
        window.window_targets[self.name] = np.where(mask & (record.image is not None), targets, IGNORED)

    def _stored(self, image: Visit) -> NDArray[np.int64]:
        from docexp.shards.codes import command, stored_codes

        codes = stored_codes(image.members(), f"page {image.page.id}")
        if len(codes) != self.grid**2 or codes.max() >= self.settings.codes:
            raise DocexpError(
                f"page {image.page.id} has {len(codes)} codes up to {codes.max():,}; wanted are {self.grid} × "
                f"{self.grid} below {self.settings.codes:,}. Make them anew: {command(grid=self.grid)}"
            )
        return codes

    def _code_pixels(self, image: Visit | None) -> NDArray[np.uint8]:
        from docexp.objectives.image_tokenizer.images import tokenizer_pixels

        side = CODE_SIDE * self.grid
        if image is None:  # a batch takes all or none
            return np.zeros((3, side, side), dtype=np.uint8)
        return tokenizer_pixels(image.page, side, image.part)
