"""Shows another document's page, or none, in data workers."""

from dataclasses import dataclass

import numpy as np

from docexp.errors import DocexpError
from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.objectives.objective import Corruptor, Record

WHITE = 255
"""What a dropped image consists of: on a blank page, what is painted black stays as visible as on any other."""

OTHER, OWN = 0, 1
"""The classes: the image is another page's or none, or the page's own."""


@dataclass(frozen=True)
class ImageSwapping(Corruptor):
    """Replaces or drops the image of some windows, each for itself, and keeps which as the target.

    Args:
        name: of the target.
        replaced: the share of windows that show another document's page.
        dropped: the share that show a white image.
    """

    name: str
    replaced: float
    dropped: float

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        if window.pixels is None:
            raise DocexpError(f"page {visit.page.id}: TIM changes the image, but the model sees none")
        fate = rng.random()
        if fate < self.replaced:
            record.image = visit.partner(rng)
            window.pixels = record.image.pixels
        elif fate < self.replaced + self.dropped:
            record.image = None
            window.pixels = np.full_like(window.pixels, WHITE)
        window.window_targets[self.name] = np.array(OWN if record.image is visit else OTHER, dtype=np.int64)
