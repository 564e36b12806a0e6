"""The choices of the LayoutLM family. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.models.transformer_settings import TransformerSettings

if TYPE_CHECKING:
    from docexp.documents.page import BoxLevel
    from docexp.inputs.layoutlm import LayoutLMEncoder
    from docexp.inputs.tokenizer import Tokenizer
    from docexp.models.layoutlm.backbone import LayoutLMBackbone


@dataclass(kw_only=True)
class LayoutLMSettings(TransformerSettings):
    """LayoutLM without its image regions: BERT whose tokens know their place; the defaults are the paper's base model
    (arXiv 1912.13318 §2, §3.1).

    The published weights, microsoft/layoutlm-base-uncased and -large-uncased, are of the repository microsoft/unilm,
    whose licence is MIT.

    Raises:
        DocexpError: a value out of range or a combination that cannot be built, naming the keys.
    """

    @property
    def provides(self) -> frozenset[str]:
        """``text`` and ``pooled``."""
        return frozenset({"text", "pooled"})

    def encoder(self, tokenizer: "Tokenizer", box_level: "BoxLevel", window_stride: int) -> "LayoutLMEncoder":
        """Sub-words and boxes 0..1000."""
        from docexp.inputs.layoutlm import LayoutLMEncoder

        return LayoutLMEncoder(
            tokenizer=tokenizer,
            box_level=box_level,
            max_tokens=self.max_tokens,
            stride=window_stride,
            layout=self.layout,
        )

    def build(self, vocab_size: int, pad_token_id: int) -> "LayoutLMBackbone":
        """The model, its weights drawn as transformers draws them: the same from the same generator state."""
        from docexp.models.layoutlm.backbone import LayoutLMBackbone

        return LayoutLMBackbone(self, vocab_size, pad_token_id)

    def build_stock(self, vocab_size: int, pad_token_id: int) -> "LayoutLMBackbone":
        """transformers' ``LayoutLMModel`` with the attention that transformers chooses by itself."""
        from docexp.models.layoutlm.backbone import StockLayoutLMBackbone

        return StockLayoutLMBackbone(self, vocab_size, pad_token_id)
