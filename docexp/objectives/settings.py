"""What every pretraining objective declares. Imports no torch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from docexp.settings import Positive, Settings
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docexp.inputs.settings import PageSettings
    from docexp.objectives.objective import Corruptor, Objective
    from docexp.shards.index import Index


@dataclass(kw_only=True)
class ObjectiveSettings(Settings, ABC):
    """An objective's settings; a subclass names what it needs and builds its two halves.

    ``writes`` and ``reads`` are the entries of the ``Record`` that objectives share: one that reads an entry runs after
    those that write it. An entry in ``requires`` must be written by some other objective of the set.
    """

    writes: ClassVar[frozenset[str]] = frozenset()
    reads: ClassVar[frozenset[str]] = frozenset()
    requires: ClassVar[frozenset[str]] = frozenset()

    weight: Positive = 1.0
    """How much its mean loss counts in the sum."""

    @property
    @abstractmethod
    def needs(self) -> frozenset[str]:
        """What the model must provide (``ModelSettings.provides``)."""

    @property
    def annotations(self) -> frozenset[str]:
        """What of a page besides words and what the model sees: annotation kinds, ``images``, ``lines``."""
        return frozenset()

    @property
    def made_by(self) -> str:
        """How data come by its ``annotations``, as a sentence, where that is more than choosing other data."""
        return ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """What its targets 0, 1, … stand for, as people read them; empty where they are tokens, codes or pixels."""
        return ()

    @property
    def whole_pages(self) -> str:
        """The key of the setting by which its targets could be of parts of pages too, where now they are of whole ones;
        empty where they are of whatever the model is shown."""
        return ""

    @abstractmethod
    def corruptor(self, name: str, given: Given) -> "Corruptor":
        """The half that runs in data workers; ``name`` is that of its target in the batch."""

    @abstractmethod
    def build(self, name: str, given: Given, hidden_size: int) -> "Objective":
        """The half that runs on the device: head and loss."""

    def check_data(self, data: "PageSettings", indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Refuses data that this objective cannot be trained on, from what the indices say alone; most take any.

        Raises:
            DocexpError: what is missing, and the command that mends it.
        """

    @property
    def places(self) -> Mapping[str, Any]:
        """What lies behind the settings that are paths, such as a checksum: it counts for the run's identity."""
        return {}

    def told(self, target: "NDArray[np.int64]") -> str:
        """A target of a window as a whole (one number) or of its patches (a number for each), as people read it."""
        from docexp.inputs.sample import IGNORED

        if target.size > 1:
            return f"{int((target != IGNORED).sum()):,} of {target.size:,} patches"
        value, names = int(target.reshape(())), self.class_names
        return "no target" if value == IGNORED else names[value] if names else str(value)

    @abstractmethod
    def protocol(self) -> str:
        """The objective in words, with every number that its score depends on."""
