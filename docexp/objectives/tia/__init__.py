"""Text-image alignment of LayoutLMv2 and LayoutXLM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import Share
from docexp.shards.needs import LINES
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.tia.corruptor import LineCovering
    from docexp.objectives.tia.objective import CoveredTokens


@dataclass(kw_only=True)
class TIASettings(ObjectiveSettings):
    """Some lines are covered in the image; the model says of every text token whether its line is.

    Source: LayoutLMv2 (arXiv 2012.14740 §2.3): 15 % of the lines. Tokens that MVLM hides have no target, so that
    a mask token tells nothing. Where TIM shows another page or none, lines are covered by the same law, and every
    target is "covered".
    """

    writes: ClassVar[frozenset[str]] = frozenset({"covered"})
    reads: ClassVar[frozenset[str]] = frozenset({"text_masked", "image"})

    ratio: Share = 0.15
    """The share of the lines that are covered."""

    @property
    def needs(self) -> frozenset[str]:
        """Text tokens of a model that sees an image."""
        return frozenset({"text", "patches"})

    @property
    def annotations(self) -> frozenset[str]:
        """Lines."""
        return frozenset({LINES})

    def corruptor(self, name: str, given: Given) -> "LineCovering":
        """Covers lines."""
        from docexp.objectives.tia.corruptor import LineCovering

        return LineCovering(name, self.ratio)

    def build(self, name: str, given: Given, hidden_size: int) -> "CoveredTokens":
        """Two classes: 0 not covered, 1 covered."""
        from docexp.objectives.tia.objective import CoveredTokens

        return CoveredTokens(name, hidden_size)

    def protocol(self) -> str:
        """The share."""
        return f"{self.ratio:g} of the lines covered in the image"
