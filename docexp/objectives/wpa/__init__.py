"""Word-patch alignment: WPA of LayoutLMv3."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docexp.objectives.masking.alignment import Rule
from docexp.objectives.settings import ObjectiveSettings
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.wpa.corruptor import AlignmentLabels
    from docexp.objectives.wpa.objective import Alignment

CLASSES = ("aligned", "unaligned")
"""The targets 0 and 1: the word's place on the image is shown, or hidden."""


@dataclass(kw_only=True)
class WPASettings(ObjectiveSettings):
    """For each word the model guesses whether its place on the image is hidden (unaligned) or shown (aligned).

    Source: LayoutLMv3 (arXiv 2204.08387 §2.2). A token has a label if its word is on the page, MLM shows it, and the
    image is its own page's: one that was dropped or is another page's gives no labels. The paper says nothing of
    special tokens, which have no word.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"patches_masked"})
    reads: ClassVar[frozenset[str]] = frozenset({"text_masked", "image"})

    rule: Rule = "any"
    """How many of the patches under a word's box must be hidden to make it unaligned: ``any`` of them (the paper's),
    the ``majority``, or ``all``. The box is the word's own, also where the model sees those of lines or segments."""

    @property
    def needs(self) -> frozenset[str]:
        """Text tokens, and patches to hide."""
        return frozenset({"text", "patches"})

    @property
    def class_names(self) -> tuple[str, ...]:
        """Aligned, unaligned."""
        return CLASSES

    def corruptor(self, name: str, given: Given) -> "AlignmentLabels":
        """Labels tokens; hides nothing."""
        from docexp.objectives.wpa.corruptor import AlignmentLabels

        assert given.patch_grid is not None  # no model provides patches without
        return AlignmentLabels(name, self.rule, given.patch_grid)

    def build(self, name: str, given: Given, hidden_size: int) -> "Alignment":
        """A head of two layers."""
        del given
        from docexp.objectives.wpa.objective import Alignment

        return Alignment(name, hidden_size)

    def protocol(self) -> str:
        """The rule."""
        return f"a token is unaligned with {self.rule} of its word's patches hidden"
