"""LayoutLMv3 behind the backbone contract."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from transformers import LayoutLMv3Config, LayoutLMv3Model

from docexp.inputs.batch import Batch
from docexp.models.backbone import Encoded
from docexp.models.flops import Work
from docexp.models.image_grid import resize_positions
from docexp.models.layout_backbone import SETTING_OF, LayoutBackbone, bias_config, common_config
from docexp.models.layoutlmv3.modeling import LayoutLMv3, Shape
from docexp.models.layoutlmv3.plain import plain_layoutlmv3
from docexp.models.layoutlmv3.positions import CLASS, COLUMN, ROW, resized_axis
from docexp.models.layoutlmv3.segments import positions_in_segments, segments_of
from docexp.models.patches import patch_pixels
from docexp.models.plain import PlainBackbone

if TYPE_CHECKING:
    from docexp.models.layoutlmv3.settings import LayoutLMv3Settings


class LayoutLMv3Backbone(LayoutBackbone):
    """LayoutLMv3 (arXiv 2204.08387): a transformer over sub-words and image patches.

    Its state dict's names are those of the published checkpoints, ``layoutlmv3.*``: the attribute's name is the prefix.
    """

    family = "layoutlmv3"
    prefix = "layoutlmv3."
    setting_of: ClassVar[Mapping[str, str]] = {
        **SETTING_OF,
        "coordinate_size": "coordinate_size",
        "shape_size": "shape_size",
        "patch_size": "patch_size",
        "max_rel_pos": "rel_pos_max",
        "max_rel_2d_pos": "rel_2d_pos_max",
    }
    config_keys = (*setting_of, "hidden_act", "pad_token_id")
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "image_position=none": ("pos_embed",),
        "image_position=1d": (ROW, COLUMN, CLASS),
        "image=none": ("patch_embed.", "cls_token", "LayerNorm.", "norm.", "pos_embed", ROW, COLUMN, CLASS),
        "bias_1d=false": ("encoder.rel_pos_bias.",),
        "bias_2d=false": ("encoder.rel_pos_x_bias.", "encoder.rel_pos_y_bias."),
        "pyramid=[]": ("encoder.fpn1.", "encoder.fpn2."),
        "text=false": ("embeddings.",),
    }
    text_side = (
        "embeddings.word_embeddings.",
        "embeddings.position_embeddings.",
        "embeddings.token_type_embeddings.",
        "embeddings.LayerNorm.",
        "encoder.layer.",
    )

    def __init__(self, settings: "LayoutLMv3Settings", vocab_size: int, pad_token_id: int) -> None:
        config = transformers_config(settings, vocab_size, pad_token_id)
        super().__init__(settings, config)
        self.settings = settings
        self.layoutlmv3 = self._model(config, settings)

    def _model(self, config: LayoutLMv3Config, settings: "LayoutLMv3Settings") -> LayoutLMv3Model:
        shape = Shape(
            fast=settings.attention == "sdpa",
            softmax=settings.attention_softmax,
            train_rel_pos=settings.train_rel_pos,
            rel_pos_init=settings.rel_pos_init,
            image_position=settings.image_position,
            pyramid=tuple(settings.pyramid),
        )
        return LayoutLMv3(config, shape)

    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch.

        ``text`` are the text tokens' last hidden states, ``patches`` those of the image's patches in row-major order,
        without the visual class token. ``pooled`` is the first token's, as in the published classification head: the
        text's ``<s>``, or the visual class token when the model sees the image alone. ``pyramid`` are four maps.

        The image may have any size that patches divide; its position embeddings are interpolated.

        Raises:
            DocexpError: a text longer than ``max_tokens``, or an image that is missing or that patches do not divide.
        """
        tokens = self._text(batch) if self.config.text_embed else {}
        pixels = self._pixels(batch) if self.config.visual_embed else None
        if batch.patch_token is not None:
            self._own.hide(batch.patch_mask, batch.patch_token)
        hidden = self.layoutlmv3(**tokens, pixel_values=pixels).last_hidden_state
        length = batch.input_ids.shape[1] if tokens else 0
        return Encoded(
            text=hidden[:, :length] if tokens else None,
            patches=hidden[:, length + 1 :] if pixels is not None else None,
            pooled=hidden[:, 0],
            pyramid=self._own.pyramid() if self.settings.pyramid else None,
        )

    @property
    def _own(self) -> LayoutLMv3:
        """The model, where it is docexp's and not the stock one."""
        assert isinstance(self.layoutlmv3, LayoutLMv3)
        return self.layoutlmv3

    def image_positions(self) -> Tensor | None:
        """See ``LayoutLMv3.image_positions``."""
        return self._own.image_positions()

    @property
    def first_position(self) -> int:
        """Positions count from ``pad_token_id + 1``, as in RoBERTa."""
        return self.config.pad_token_id + 1

    def adapted(self, name: str, tensor: Tensor) -> Tensor:
        """Position embeddings made at another image size, interpolated to this model's."""
        bare = name.removeprefix(self.prefix)
        if not self.config.visual_embed:
            return tensor
        if bare == "pos_embed":
            return resize_positions(tensor, (self.layoutlmv3.size, self.layoutlmv3.size))
        return resized_axis(tensor, self.layoutlmv3.size) if bare in (ROW, COLUMN) else tensor

    def work(self, batch: Batch) -> Work:
        """Attention runs over the text's and the image's tokens together; the patches' embedding is one product."""
        config = self.config
        tokens = batch.mask.sum(dim=1).double()
        positions = tokens if config.text_embed else torch.zeros_like(tokens)
        embedding = 0.0
        if config.visual_embed and batch.pixels is not None:
            patches = math.prod(side // config.patch_size for side in batch.pixels.shape[-2:])
            positions = positions + patches + 1  # and the visual class token
            embedding = 2.0 * patches * 3 * config.patch_size**2 * config.hidden_size
        return self.layers_work(positions, embedding)

    def plain(self) -> PlainBackbone:
        """``LayoutLMv3…``: see ``plain_layoutlmv3``."""
        return plain_layoutlmv3(self)

    def _text(self, batch: Batch) -> dict[str, Any]:
        inputs: dict[str, Any] = dict(self.text_inputs(batch))
        if not self.settings.valid_span:
            return inputs
        segments = segments_of(inputs["bbox"], batch.mask)
        positions = positions_in_segments(segments, batch.mask, self.config.pad_token_id)
        return {**inputs, "segments": segments, "position_ids": positions}

    def _pixels(self, batch: Batch) -> Tensor:
        dtype = self.layoutlmv3.patch_embed.proj.weight.dtype
        return patch_pixels(self.pixel_inputs(batch), self.config.patch_size, dtype)


class StockLayoutLMv3Backbone(LayoutLMv3Backbone):
    """transformers' own class behind the same call, with all that it lacks: what docexp's is measured against."""

    def _model(self, config: LayoutLMv3Config, settings: "LayoutLMv3Settings") -> LayoutLMv3Model:
        del settings
        return LayoutLMv3Model(config)


def transformers_config(settings: "LayoutLMv3Settings", vocab_size: int, pad_token_id: int) -> LayoutLMv3Config:
    """The settings in transformers' terms."""
    return LayoutLMv3Config(
        **common_config(settings, vocab_size, pad_token_id)
        # positions count from pad_token_id + 1, as in RoBERTa
        | {"max_position_embeddings": settings.max_tokens + pad_token_id + 1},
        **bias_config(settings),
        type_vocab_size=1,
        input_size=settings.image_size,
        patch_size=settings.patch_size,
        text_embed=settings.text,
        visual_embed=settings.image == "patches",
    )
