"""Masked language modelling with layout: MLM of LayoutLMv3, MVLM of LayoutLM, LayoutLMv2 and LayoutXLM."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from docexp.errors import DocexpError
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import Positive, Share, ShareBelow1
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.objectives.mlm.corruptor import TextMasking
    from docexp.objectives.mlm.objective import MaskedTokens


@dataclass(kw_only=True)
class MLMSettings(ObjectiveSettings):
    """Some tokens are hidden, their boxes stay; the model guesses them.

    Sources: MLM, LayoutLMv3 (arXiv 2204.08387 §2.2, §3.2): 30 % in spans of Poisson(3) tokens; MVLM, LayoutLM (arXiv
    1912.13318) and LayoutLMv2 (arXiv 2012.14740 §2.3): 15 % of the tokens. How a hidden token is replaced is stated for
    MVLM alone (80 % mask, 10 % random, 10 % kept), so that MLM takes the same.

    Raises:
        DocexpError: ``keep`` and ``random`` come to more than all tokens.
    """

    writes: ClassVar[frozenset[str]] = frozenset({"text_masked"})
    reads: ClassVar[frozenset[str]] = frozenset({"image"})

    ratio: Share = 0.3
    """The share of the text's tokens that are hidden, special tokens left out."""
    masking: Literal["spans", "tokens"] = "spans"
    """``spans`` of neighbouring tokens (LayoutLMv3), or single ``tokens`` (LayoutLM, LayoutLMv2)."""
    span_length: Positive = 3.0
    """The mean of the Poisson distribution that the length of a span is drawn from."""
    keep: Share = 0.1
    """The share of the hidden tokens that the model sees as they are."""
    random: ShareBelow1 = 0.1
    """The share that it sees as another token, drawn from all that are not special. The rest is the mask token."""
    mask_image: bool = False
    """Whether the image of a hidden token's word is painted black (LayoutLMv2 §2.3)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep + self.random > 1:
            raise DocexpError(f"keep={self.keep} and random={self.random} come to more than 1")

    @property
    def needs(self) -> frozenset[str]:
        """Text tokens."""
        return frozenset({"text"})

    def corruptor(self, name: str, given: Given) -> "TextMasking":
        """Hides tokens."""
        from docexp.objectives.mlm.corruptor import TextMasking

        return TextMasking(name, self, given.tokenizer.mask_id, given.tokenizer.ordinary_ids)

    def build(self, name: str, given: Given, hidden_size: int) -> "MaskedTokens":
        """A head over the vocabulary."""
        from docexp.objectives.mlm.objective import MaskedTokens

        return MaskedTokens(name, hidden_size, given.tokenizer.vocab_size)

    def protocol(self) -> str:
        """Ratio and law."""
        law = f"spans of Poisson({self.span_length:g})" if self.masking == "spans" else "single tokens"
        image = ", their words painted over" if self.mask_image else ""
        return f"{self.ratio:g} of the tokens, {law}, kept {self.keep:g}, random {self.random:g}{image}"
