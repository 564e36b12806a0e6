"""transformers' LayoutLMv2 without detectron2, mended where it falls short. Parameters keep their names and shapes."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LayoutLMv2Config, LayoutLMv2Model, PreTrainedModel, initialization
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.layoutlmv2.modeling_layoutlmv2 import (
    LayoutLMv2Embeddings,
    LayoutLMv2Encoder,
    LayoutLMv2SelfAttention,
    relative_position_bucket,
)

from docexp.errors import DocexpError
from docexp.models.attention import biased_attention, score_type
from docexp.models.feed_forward import recompute_activations
from docexp.models.layoutlmv2.visual import FrozenBatchNorm, NormedConvolution, PyramidConvolution, VisualBackbone
from docexp.models.relative_bias import Axis, local_table, relative_bias


class FastSelfAttention(LayoutLMv2SelfAttention):
    """The stock attention's values without its ``[B, H, L, L]`` intermediates; it takes one bias for everything."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, hidden_states: Tensor, attention_mask: None = None, rel_pos: Tensor | None = None, **kwargs: Any
    ) -> tuple[Tensor, None]:
        """``[B, L, D] → [B, L, D]``; ``rel_pos`` is what ``RelativeEncoder`` makes, padding included."""
        del attention_mask, kwargs
        heads = (-1, self.num_attention_heads, self.attention_head_size)
        query, key, value = (part.unflatten(-1, heads[1:]).transpose(1, 2) for part in self.compute_qkv(hidden_states))
        context = biased_attention(query, key, value, rel_pos, self.dropout.p if self.training else 0.0)
        return context.transpose(1, 2).flatten(2), None

    def compute_qkv(self, hidden_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, ``[B, L, D]`` each.

        Adding the two biases afterwards, as the stock class does, would widen queries and values under autocast.
        """
        if not self.fast_qkv:
            return super().compute_qkv(hidden_states)
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias], dim=-1).flatten()
        query, key, value = nn.functional.linear(hidden_states, self.qkv_linear.weight, bias).chunk(3, dim=-1)
        return query, key, value


class RelativeEncoder(LayoutLMv2Encoder):
    """The stock encoder, but gradients reach the tables of relative-position biases, and attention may be fast.

    transformers looks the biases up under ``no_grad``, so that they stay as they were drawn; the authors' code trains
    them (microsoft/unilm, layoutlmft/layoutlmft/models/layoutlmv2/modeling_layoutlmv2.py). Unlike in LayoutLMv3, they
    are added to the scores undivided.

    Args:
        config: the stock configuration.
        fast: one bias for all layers, ``FastSelfAttention``, and ``LinearOfActivation``; False is the stock
            computation, operation by operation.
    """

    def __init__(self, config: LayoutLMv2Config, fast: bool) -> None:
        super().__init__(config)
        self.fast = fast
        if fast:
            for layer in self.layer:
                layer.attention.self = FastSelfAttention(config)  # pyright: ignore[reportAttributeAccessIssue]
            recompute_activations(self.layer)

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        hidden_states: Tensor,
        attention_mask: Tensor,
        bbox: Tensor,
        position_ids: Tensor,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """``[B, L, D] → [B, L, D]``."""
        if not self.fast:
            return super().forward(hidden_states, attention_mask, bbox, position_ids, **kwargs)
        bias = self.score_bias(hidden_states, attention_mask, bbox, position_ids)
        for layer in self.layer:
            hidden_states = layer(hidden_states, None, rel_pos=bias)
        return BaseModelOutput(last_hidden_state=hidden_states)  # pyright: ignore[reportArgumentType]

    def score_bias(self, hidden: Tensor, attention_mask: Tensor, bbox: Tensor, position_ids: Tensor) -> Tensor:
        """Everything that is added to the scores, for all layers: see ``biased_attention``.

        Args:
            hidden: tells device and width.
            attention_mask: transformers' additive one, ``[B, 1, 1, L]``.
            bbox: ``[B, L, 4]``.
            position_ids: ``[B, L]``, the same in every row.
        """
        padding, dtype = attention_mask[:, 0, 0], score_type(hidden)
        axes = []
        if self.has_spatial_attention_bias:
            axes += self._page_axes(bbox)
        if self.has_relative_attention_bias:
            axes.append(self._reading_axis(position_ids[:1]))
        if not axes:
            return padding[:, None, None].to(dtype)
        return relative_bias(axes, rows=len(hidden), padding=padding, dtype=dtype)

    @torch.no_grad()
    def favour_near(self) -> None:
        """Sets the 2-D tables so that scores fall with distance on the page (see ``local_table``)."""
        for table in (self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight):
            buckets = _buckets(table, self.max_rel_2d_pos)
            table.copy_(local_table(buckets, table.shape[1], table.shape[0], head_size=1))  # 1: nothing is divided

    def _calculate_1d_position_embeddings(self, position_ids: Tensor) -> Tensor:
        return relative_bias([self._reading_axis(position_ids)])

    def _calculate_2d_position_embeddings(self, bbox: Tensor) -> Tensor:
        return relative_bias(self._page_axes(bbox))

    def _reading_axis(self, position_ids: Tensor) -> Axis:
        table = self.rel_pos_bias.weight
        return Axis(table, position_ids, _buckets(table, self.max_rel_pos))

    def _page_axes(self, bbox: Tensor) -> list[Axis]:
        across, down = self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight
        buckets = _buckets(across, self.max_rel_2d_pos)
        # left and bottom edges, as in the published code; the paper says top left
        return [Axis(across, bbox[:, :, 0], buckets), Axis(down, bbox[:, :, 3], buckets)]


class StockLayoutLMv2(LayoutLMv2Model):
    """transformers' model as it is, but built without detectron2, and without the pooler that no output reads.

    transformers' constructor and ``_init_weights`` refer to detectron2 throughout, so both are written anew here.

    Args:
        config: the stock configuration; ``image_feature_pool_shape`` must say what ``visual`` gives.
        visual: what turns the image into a grid; None: the model sees no image.
    """

    def __init__(self, config: LayoutLMv2Config, visual: VisualBackbone | None) -> None:
        if visual is None:
            config = copy.deepcopy(config)
            config.image_feature_pool_shape = [0, 0, config.image_feature_pool_shape[2]]  # a grid without cells
        super(LayoutLMv2Model, self).__init__(config)
        self.config = config
        self.has_visual_segment_embedding = config.has_visual_segment_embedding and visual is not None
        self.embeddings = LayoutLMv2Embeddings(config)
        self.visual: nn.Module | None = visual
        if visual is not None:
            self.visual_proj = nn.Linear(config.image_feature_pool_shape[2], config.hidden_size)
            if self.has_visual_segment_embedding:
                self.visual_segment_embedding = nn.Parameter(torch.empty(config.hidden_size))
            self.visual_LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
            self.visual_dropout = nn.Dropout(config.hidden_dropout_prob)
        self.encoder = self._encoder(config)
        self.pooler = nn.Identity()
        self.post_init()

    def _encoder(self, config: LayoutLMv2Config) -> LayoutLMv2Encoder:
        return LayoutLMv2Encoder(config)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, NormedConvolution | PyramidConvolution | FrozenBatchNorm):
            return  # they have drawn their own
        PreTrainedModel._init_weights(self, module)
        if isinstance(module, LayoutLMv2SelfAttention) and module.fast_qkv:
            initialization.zeros_(module.q_bias)
            initialization.zeros_(module.v_bias)
        elif isinstance(module, LayoutLMv2Embeddings):
            initialization.copy_(module.position_ids, torch.arange(module.position_ids.shape[-1])[None])
        elif isinstance(module, StockLayoutLMv2) and module.has_visual_segment_embedding:
            initialization.normal_(module.visual_segment_embedding, std=self.config.initializer_range)

    def _calc_visual_bbox(
        self, image_feature_pool_shape: list[int], bbox: Tensor, device: torch.device, final_shape: torch.Size
    ) -> Tensor:
        if self.visual is None:
            return bbox.new_zeros(final_shape[0], 0, 4)
        return super()._calc_visual_bbox(image_feature_pool_shape, bbox, device, final_shape)

    def _calc_img_embeddings(self, image: Tensor, bbox: Tensor, position_ids: Tensor) -> Tensor:
        if self.visual is None:
            return self.embeddings.word_embeddings.weight.new_zeros(len(bbox), 0, self.config.hidden_size)
        return super()._calc_img_embeddings(image, bbox, position_ids)


class LayoutLMv2(StockLayoutLMv2):
    """The model around ``RelativeEncoder``.

    Args:
        config, visual: see ``StockLayoutLMv2``.
        fast: see ``RelativeEncoder``.
        train_rel_pos: False freezes the relative-position biases, which is what transformers does in effect.
        rel_pos_init: ``normal``, or ``local`` for 2-D biases that favour what is near.
    """

    encoder: RelativeEncoder

    def __init__(
        self,
        config: LayoutLMv2Config,
        visual: VisualBackbone | None,
        fast: bool = True,
        train_rel_pos: bool = True,
        rel_pos_init: str = "normal",
    ) -> None:
        self._fast = fast
        super().__init__(config, visual)
        for name, table in self.encoder.named_parameters():
            if name.startswith("rel_pos"):
                table.requires_grad_(train_rel_pos)
        if rel_pos_init == "local" and config.has_spatial_attention_bias:
            self.encoder.favour_near()

    def _encoder(self, config: LayoutLMv2Config) -> RelativeEncoder:
        return RelativeEncoder(config, self._fast)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As transformers' own.

        Raises:
            DocexpError: attention maps are asked for, which the fast attention never has.
        """
        if self.encoder.fast and kwargs.get("output_attentions"):
            raise DocexpError("the fast attention keeps no attention maps: set model.attention=eager")
        return super().forward(*args, **kwargs)


def _buckets(table: Tensor, farthest: int) -> Tensor:
    """The bucket of every distance from ``-farthest`` to ``farthest``, ``[2 * farthest + 1]``."""
    distances = torch.arange(-farthest, farthest + 1, device=table.device)
    return relative_position_bucket(distances, num_buckets=table.shape[1], max_distance=farthest)
