"""LayoutLM behind the backbone contract."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from transformers import LayoutLMConfig, LayoutLMModel

from docexp.inputs.batch import Batch
from docexp.inputs.layout_encoder import CLOSING
from docexp.models.backbone import Encoded
from docexp.models.flops import Work
from docexp.models.layout_backbone import SETTING_OF, LayoutBackbone, common_config
from docexp.models.plain import PlainBackbone
from docexp.models.weight_names import TEXT_SIDE

if TYPE_CHECKING:
    from docexp.models.layoutlm.settings import LayoutLMSettings


class LayoutLMBackbone(LayoutBackbone):
    """LayoutLM (arXiv 1912.13318): BERT with embeddings of boxes. transformers' own class, which lacks nothing but use
    for its pooler: no output reads it, so it is not built.

    Its state dict's names are those of the published checkpoints, ``layoutlm.*``: the attribute's name is the prefix.
    """

    family = "layoutlm"
    prefix = "layoutlm."
    config_keys = (*SETTING_OF, "hidden_act", "pad_token_id")
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("pooler.",)}  # never built
    text_side = TEXT_SIDE

    def __init__(self, settings: "LayoutLMSettings", vocab_size: int, pad_token_id: int) -> None:
        config = transformers_config(settings, vocab_size, pad_token_id)
        super().__init__(settings, config)
        self.layoutlm = LayoutLMModel(config)
        self.layoutlm.set_attn_implementation(self._attention(settings))
        self.layoutlm.pooler = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]

    def _attention(self, settings: "LayoutLMSettings") -> str:
        return settings.attention

    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch: ``text`` are the last hidden states, ``pooled`` the first token's.

        Raises:
            DocexpError: a text longer than ``max_tokens``.
        """
        hidden = self.layoutlm(**self.text_inputs(batch)).last_hidden_state
        return Encoded(text=hidden, pooled=hidden[:, 0])

    def work(self, batch: Batch) -> Work:
        """Attention over the text's tokens."""
        return self.layers_work(batch.mask.sum(dim=1).double())

    def plain(self) -> PlainBackbone:
        """``LayoutLM…``, with the pooler that transformers builds and its token classifier does not read.

        What a setting takes away there is no switch for is put into the tables: a model that was shown no boxes gets
        the embedding of the box 0, 0, 0, 0 for every box.
        """
        tensors: dict[str, Tensor] = {name: tensor.detach().cpu() for name, tensor in self.state_dict().items()}
        notes = ["the pooler is zero: docexp builds none"]
        width = self.hidden_size
        tensors |= {f"{self.prefix}pooler.dense.weight": torch.zeros(width, width)}
        tensors |= {f"{self.prefix}pooler.dense.bias": torch.zeros(width)}
        if not self._layout:
            for name in (f"{self.prefix}embeddings.{axis}_position_embeddings.weight" for axis in "xyhw"):
                tensors[name] = tensors[name][:1].expand_as(tensors[name]).contiguous()
            notes.append("trained without boxes: whatever boxes it is given, it computes the same")
        return PlainBackbone("LayoutLM", copy.deepcopy(self.config), tensors, None, CLOSING, tuple(notes))


class StockLayoutLMBackbone(LayoutLMBackbone):
    """transformers' own class as it comes: what docexp's is measured against."""

    def _attention(self, settings: "LayoutLMSettings") -> str:
        del settings
        return self.layoutlm.config._attn_implementation or "eager"


def transformers_config(settings: "LayoutLMSettings", vocab_size: int, pad_token_id: int) -> LayoutLMConfig:
    """The settings in transformers' terms."""
    return LayoutLMConfig(**common_config(settings, vocab_size, pad_token_id))
