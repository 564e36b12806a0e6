"""Controls: what an objective scores when its targets have nothing to do with what the model is shown.

Each changes the targets or the inputs and nothing else, so that a model can gain on the constant guess only where the
original leaks, or where the control does not do what it says.
"""

from dataclasses import dataclass, replace

import numpy as np

from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.objectives.objective import Record
from docexp.objectives.tim import TIMSettings
from docexp.objectives.tim.corruptor import ImageSwapping
from docexp.objectives.wpa import WPASettings
from docexp.objectives.wpa.corruptor import AlignmentLabels
from docexp.tasks.settings import Given


@dataclass(kw_only=True)
class PermutedPatchesSettings(WPASettings):
    """WPA whose labels come from the hidden patches in another, random order than the model is shown."""

    def corruptor(self, name: str, given: Given) -> AlignmentLabels:
        """Labels by permuted patches."""
        assert given.patch_grid is not None
        return PermutedPatches(name, self.rule, given.patch_grid)


@dataclass(frozen=True)
class PermutedPatches(AlignmentLabels):
    """See the settings."""

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """As WPA, from a permuted copy of the record."""
        assert record.patches_masked is not None
        super().corrupt(window, replace(record, patches_masked=rng.permutation(record.patches_masked)), visit, rng)


@dataclass(kw_only=True)
class ShuffledBoxesSettings(WPASettings):
    """WPA whose labels come from the boxes of other words of the window."""

    def corruptor(self, name: str, given: Given) -> AlignmentLabels:
        """Labels by shuffled boxes."""
        assert given.patch_grid is not None
        return ShuffledBoxes(name, self.rule, given.patch_grid)


@dataclass(frozen=True)
class ShuffledBoxes(AlignmentLabels):
    """See the settings."""

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """As WPA, with the boxes in another order; the model sees them in their own."""
        other = replace(window, word_bbox=rng.permutation(window.word_bbox))
        super().corrupt(other, record, visit, rng)  # writes into the targets, which both windows share


@dataclass(kw_only=True)
class OthersImagesSettings(TIMSettings):
    """TIM whose images are other pages' whatever its labels say."""

    def corruptor(self, name: str, given: Given) -> ImageSwapping:
        """Labels as TIM draws them, other images."""
        return OthersImages(name, self.replaced, self.dropped)


@dataclass(frozen=True)
class OthersImages(ImageSwapping):
    """See the settings."""

    def corrupt(self, window: Window, record: Record, visit: Visit, rng: np.random.Generator) -> None:
        """As TIM; then every window is shown another document's page."""
        super().corrupt(window, record, visit, rng)
        record.image = visit.partner(rng)
        window.pixels = record.image.pixels
