"""Every page is a target as it is."""

from dataclasses import dataclass

import numpy as np

from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.objectives.objective import Corruptor, Record

WHOLE = 0
"""The target of a page that counts; a filler's is IGNORED."""


@dataclass(frozen=True)
class WholePages(Corruptor):
    """Changes nothing, and gives each window one target, so that pages are counted.

    Args:
        name: of the target.
    """

    name: str

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        del record, visit, rng
        window.window_targets[self.name] = np.asarray(WHOLE, dtype=np.int64)
