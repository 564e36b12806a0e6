"""Notes the class of a document, or its tags, in data workers."""

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


@dataclass(frozen=True)
class TagTargets(Corruptor):
    """Of every tag, whether the page's document has it (see ``PooledTags``), is a target of each of its windows.

    Args:
        name: of the target.
        tags: in the order of their numbers.
    """

    name: str
    tags: tuple[str, ...]

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """See the class."""
        del record, rng
        found = visit.page.document_tags
        unknown = sorted(set(found or ()) - set(self.tags))
        if unknown:
            raise DocexpError(f"page {visit.page.id}: its tags {', '.join(unknown)} are none of {', '.join(self.tags)}")
        numbers = [IGNORED if found is None else 2 * place + (tag in found) for place, tag in enumerate(self.tags)]
        window.window_targets[self.name] = np.array(numbers, dtype=np.int64)
