"""Notes the class of a document, in data workers."""

from dataclasses import dataclass

import numpy as np

from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED, Window
from docexp.inputs.visit import Visit
from docexp.objectives.objective import Corruptor, Record


@dataclass(frozen=True)
class ClassTarget(Corruptor):
    """The number of the page's class is the target of each of its windows.

    Args:
        name: of the target.
        classes: in the order of their numbers.
    """

    name: str
    classes: tuple[str, ...]

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        del record, rng
        found = visit.page.document_class
        if found is not None and found not in self.classes:
            raise DocexpError(f"page {visit.page.id}: its class {found!r} is none of {', '.join(self.classes)}")
        number = IGNORED if found is None else self.classes.index(found)
        window.window_targets[self.name] = np.array(number, dtype=np.int64)
