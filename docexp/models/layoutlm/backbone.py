"""LayoutLM behind the backbone contract."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import LayoutLMConfig, LayoutLMModel

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.layout_encoder import CLOSING
from docexp.models.backbone import Encoded
from docexp.models.flops import Work, transformer
from docexp.models.plain import PlainBackbone
from docexp.models.weight_names import TEXT_SIDE
from docexp.models.weights import PublishedBackbone

if TYPE_CHECKING:
    from docexp.models.layoutlm.settings import LayoutLMSettings


class LayoutLMBackbone(PublishedBackbone):
    """LayoutLM (arXiv 1912.13318): BERT with embeddings of boxes. transformers' own class, which lacks nothing but use
    for its pooler: no output reads it, so it is not built.

    Its state dict's names are those of the published checkpoints, ``layoutlm.*``: the attribute's name is the prefix.
    """

    family = "layoutlm"
    prefix = "layoutlm."
    setting_of: ClassVar[Mapping[str, str]] = {
        "hidden_size": "hidden_size",
        "num_hidden_layers": "layers",
        "num_attention_heads": "heads",
        "intermediate_size": "ffn_size",
        "layer_norm_eps": "layer_norm_eps",
    }
    config_keys = (*setting_of, "hidden_act", "pad_token_id")
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("pooler.",)}  # never built
    text_side = TEXT_SIDE

    def __init__(self, settings: "LayoutLMSettings", vocab_size: int, pad_token_id: int) -> None:
        super().__init__()
        self.provides = settings.provides
        self.hidden_size = settings.hidden_size
        self.config = transformers_config(settings, vocab_size, pad_token_id)
        self._max_tokens, self._layout = settings.max_tokens, settings.layout
        self.layoutlm = LayoutLMModel(self.config)
        self.layoutlm.set_attn_implementation(self._attention(settings))
        self.layoutlm.pooler = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]

    def _attention(self, settings: "LayoutLMSettings") -> str:
        return settings.attention

    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch: ``text`` are the last hidden states, ``pooled`` the first token's.

        Raises:
            DocexpError: a text longer than ``max_tokens``.
        """
        length = batch.input_ids.shape[1]
        if length > self._max_tokens:
            raise DocexpError(f"a text of {length} tokens in a model of max_tokens={self._max_tokens}")
        hidden = self.layoutlm(
            input_ids=batch.input_ids,
            bbox=batch.bbox if self._layout else torch.zeros_like(batch.bbox),
            attention_mask=batch.mask.long(),
        ).last_hidden_state
        return Encoded(text=hidden, pooled=hidden[:, 0])

    def work(self, batch: Batch) -> Work:
        """Attention over the text's tokens."""
        positions, config = batch.mask.sum(dim=1).double(), self.config
        layers = (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
        return Work(positions, transformer(positions, *layers))

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

    def checkpoint_activations(self) -> None:
        """Keeps only every layer's input for the backward pass and computes the rest again."""
        self.layoutlm._set_gradient_checkpointing(
            enable=True, gradient_checkpointing_func=partial(checkpoint, use_reentrant=False)
        )


class StockLayoutLMBackbone(LayoutLMBackbone):
    """transformers' own class as it comes: what docexp's is measured against."""

    def _attention(self, settings: "LayoutLMSettings") -> str:
        del settings
        return self.layoutlm.config._attn_implementation or "eager"


def transformers_config(settings: "LayoutLMSettings", vocab_size: int, pad_token_id: int) -> LayoutLMConfig:
    """The settings in transformers' terms."""
    return LayoutLMConfig(
        vocab_size=vocab_size,
        pad_token_id=pad_token_id,
        max_position_embeddings=settings.max_tokens,
        hidden_size=settings.hidden_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.ffn_size,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.attention_dropout,
        layer_norm_eps=settings.layer_norm_eps,
    )
