"""What the backbones of the LayoutLM families have in common."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedConfig, PreTrainedModel

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.flops import Work, transformer
from docexp.models.transformer_settings import RelativeBiasSettings, TransformerSettings
from docexp.models.weights import PublishedBackbone

SETTING_OF: Mapping[str, str] = {
    "hidden_size": "hidden_size",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "ffn_size",
    "layer_norm_eps": "layer_norm_eps",
}
"""The setting behind each size of a transformer in ``config.json``."""


class LayoutBackbone(PublishedBackbone):
    """A transformers model under the name of its family, ``prefix`` without the dot, fed with a batch."""

    setting_of: ClassVar[Mapping[str, str]] = SETTING_OF

    def __init__(self, settings: TransformerSettings, config: PreTrainedConfig) -> None:
        super().__init__()
        self.provides = settings.provides
        self.hidden_size = settings.hidden_size
        self.config = config
        self._max_tokens, self._layout = settings.max_tokens, settings.layout

    @property
    def model(self) -> PreTrainedModel:
        """The transformers model."""
        return getattr(self, self.prefix.removesuffix("."))

    def checkpoint_activations(self) -> None:
        """Keeps only every layer's input for the backward pass and computes the rest again: less memory, same numbers.

        transformers refuses this for LayoutLMv2 and LayoutLMv3, for want of a class flag; their layers can.
        """
        self.model._set_gradient_checkpointing(
            enable=True, gradient_checkpointing_func=partial(checkpoint, use_reentrant=False)
        )

    def text_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """What the model is given of the words; without ``layout`` every box is zero.

        Raises:
            DocexpError: a text longer than ``max_tokens``.
        """
        length = batch.input_ids.shape[1]
        if length > self._max_tokens:
            raise DocexpError(f"a text of {length} tokens in a model of max_tokens={self._max_tokens}")
        return {
            "input_ids": batch.input_ids,
            "bbox": batch.bbox if self._layout else torch.zeros_like(batch.bbox),
            "attention_mask": batch.mask.long(),
        }

    def pixel_inputs(self, batch: Batch) -> Tensor:
        """The batch's pixels, ``[B, 3, h, w]`` uint8.

        Raises:
            DocexpError: it has none.
        """
        if batch.pixels is None:
            raise DocexpError(
                "the model sees the image, but the data has none: use model.image=none or data with images"
            )
        return batch.pixels

    def layers_work(self, positions: Tensor, embedding: float = 0.0) -> Work:
        """The work of the layers on so many positions a row, ``[B]``, and of ``embedding`` (FLOPs a row) before."""
        config: Any = self.config
        layers = (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
        return Work(positions, transformer(positions, *layers) + embedding)


def common_config(settings: TransformerSettings, vocab_size: int, pad_token_id: int) -> dict[str, Any]:
    """The settings of every family in transformers' terms."""
    return {
        "vocab_size": vocab_size,
        "pad_token_id": pad_token_id,
        "max_position_embeddings": settings.max_tokens,
        "hidden_dropout_prob": settings.dropout,
        "attention_probs_dropout_prob": settings.attention_dropout,
        **{entry: getattr(settings, name) for entry, name in SETTING_OF.items()},
    }


def bias_config(settings: RelativeBiasSettings) -> dict[str, Any]:
    """The settings of boxes and relative positions in transformers' terms."""
    return {
        "coordinate_size": settings.coordinate_size,
        "shape_size": settings.shape_size,
        "has_relative_attention_bias": settings.bias_1d,
        "has_spatial_attention_bias": settings.layout and settings.bias_2d,
        "rel_pos_bins": settings.rel_pos_bins,
        "max_rel_pos": settings.rel_pos_max,
        "rel_2d_pos_bins": settings.rel_2d_pos_bins,
        "max_rel_2d_pos": settings.rel_2d_pos_max,
    }
