"""Reconstruction of a page's image from codes: what an image tokenizer is trained by."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import NotNegative
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.reconstruction.corruptor import WholePages
    from docexp.objectives.reconstruction.objective import Reconstruction


@dataclass(kw_only=True)
class ReconstructionSettings(ObjectiveSettings):
    """Squared error of the pixels, and what makes the model use its codes.

    DiT (arXiv 2203.02378 §3.2) names the squared error and a perplexity loss for the use of the codebook, but no
    formula. Here are the term of its code base (``kl_weight``) and one for a page's codes taken together.
    """

    kl_weight: NotNegative = 0.0
    """Of the divergence of every position's distribution over codes from the uniform one, the mean over positions, in
    nats. DALLE-pytorch and BEiT sum it over positions and images instead, and weight it 0 by default."""
    usage_weight: NotNegative = 0.01
    """Of the divergence of a page's mean distribution over codes from the uniform one, in nats: it falls when a page's
    positions take different codes, and lets each be sure of its own."""

    @property
    def needs(self) -> frozenset[str]:
        """An image made again, and the scores of codes."""
        return frozenset({"reconstruction", "code_logits"})

    def corruptor(self, name: str, given: Given) -> "WholePages":
        """Marks every page as a target."""
        from docexp.objectives.reconstruction.corruptor import WholePages

        del given
        return WholePages(name)

    def build(self, name: str, given: Given, hidden_size: int) -> "Reconstruction":
        """The losses; there is no head."""
        from docexp.objectives.reconstruction.objective import Reconstruction

        del hidden_size
        assert given.codes is not None
        return Reconstruction(name, self, given.codes)

    def protocol(self) -> str:
        """What is scored, which is not all that is trained."""
        return "mean squared error of pixels from -1 to 1, each image made from its likeliest codes"
