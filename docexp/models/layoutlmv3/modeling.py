"""transformers' LayoutLMv3, mended where it falls short. Every parameter keeps its name and shape."""

from typing import Any

import torch
from torch import Tensor
from transformers import LayoutLMv3Config, LayoutLMv3Model
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder, LayoutLMv3SelfAttention

from docexp.errors import DocexpError
from docexp.models.attention import biased_attention
from docexp.models.layoutlmv3.image_grid import resize_positions
from docexp.models.relative_bias import Axis, local_table, relative_bias


class FastSelfAttention(LayoutLMv3SelfAttention):
    """The stock attention's values without its ``[B, H, L, L]`` intermediates; it takes one bias for everything.

    The CogView form of the softmax, which the stock class computes, is the softmax itself (its maximum is subtracted
    twice), so nothing of it is left.
    """

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, hidden_states: Tensor, attention_mask: None = None, rel_pos: Tensor | None = None, **kwargs: Any
    ) -> tuple[Tensor, None]:
        """``[B, L, D] → [B, L, D]``; ``rel_pos`` is what ``RelativeEncoder`` makes, padding and scale included."""
        del attention_mask, kwargs
        heads = (-1, self.num_attention_heads, self.attention_head_size)
        layers = (self.query, self.key, self.value)
        query, key, value = (layer(hidden_states).unflatten(-1, heads[1:]).transpose(1, 2) for layer in layers)
        context = biased_attention(query, key, value, rel_pos, self.dropout.p if self.training else 0.0)
        return context.transpose(1, 2).flatten(2), None


class RelativeEncoder(LayoutLMv3Encoder):
    """The stock encoder, but gradients reach the tables of relative-position biases, and attention may be fast.

    transformers looks the biases up under ``no_grad``, so that they stay as they were drawn; the authors' code trains
    them (microsoft/unilm, layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py).

    Args:
        config: the stock configuration.
        fast: one bias for all layers and ``FastSelfAttention``; False is the stock computation, operation by operation.
    """

    def __init__(self, config: LayoutLMv3Config, fast: bool) -> None:
        super().__init__(config)
        self.fast, self.head_size = fast, config.hidden_size // config.num_attention_heads
        if fast:
            for layer in self.layer:
                layer.attention.self = FastSelfAttention(config)  # pyright: ignore[reportAttributeAccessIssue]

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        hidden_states: Tensor,
        bbox: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """``[B, L, D] → [B, L, D]``."""
        if not self.fast:
            return super().forward(hidden_states, bbox, attention_mask, position_ids, **kwargs)
        bias = self.score_bias(hidden_states, bbox, attention_mask, position_ids)
        for layer in self.layer:
            hidden_states = layer(hidden_states, None, rel_pos=bias)
        return BaseModelOutput(last_hidden_state=hidden_states)  # pyright: ignore[reportArgumentType]

    def score_bias(
        self, hidden: Tensor, bbox: Tensor | None, attention_mask: Tensor | None, position_ids: Tensor | None
    ) -> Tensor | None:
        """Everything that is added to the scores, for all layers: see ``biased_attention``.

        Args:
            hidden: tells device and width.
            bbox: ``[B, L, 4]``.
            attention_mask: transformers' additive one, ``[B, 1, L, L]``, the same for every query; None: no padding.
            position_ids: ``[B, L]``.
        """
        padding = None if attention_mask is None else attention_mask[:, 0, 0]
        axes = []
        if self.has_spatial_attention_bias:
            assert bbox is not None
            axes += self._page_axes(bbox)
        if self.has_relative_attention_bias:
            assert position_ids is not None
            axes.append(self._reading_axis(position_ids[:1]))  # transformers counts from 0 in every row
        dtype = _score_type(hidden)
        if not axes:
            return None if padding is None else padding[:, None, None].to(dtype)
        return relative_bias(axes, rows=len(hidden), scale=self.head_size**-0.5, padding=padding, dtype=dtype)

    def _cal_1d_pos_emb(self, position_ids: Tensor) -> Tensor:
        return relative_bias([self._reading_axis(position_ids)])

    def _cal_2d_pos_emb(self, bbox: Tensor) -> Tensor:
        return relative_bias(self._page_axes(bbox))

    def _reading_axis(self, position_ids: Tensor) -> Axis:
        table = self.rel_pos_bias.weight
        return Axis(table, position_ids, self.buckets(table, self.max_rel_pos))

    def _page_axes(self, bbox: Tensor) -> list[Axis]:
        across, down = self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight
        buckets = self.buckets(across, self.max_rel_2d_pos)
        # left and bottom edges, as in the published code; the LayoutLMv2 paper says top left
        return [Axis(across, bbox[:, :, 0], buckets), Axis(down, bbox[:, :, 3], buckets)]

    @torch.no_grad()
    def favour_near(self) -> None:
        """Sets the 2-D tables so that scores fall with distance on the page (see ``local_table``)."""
        for table in (self.rel_pos_x_bias.weight, self.rel_pos_y_bias.weight):
            buckets = self.buckets(table, self.max_rel_2d_pos)
            table.copy_(local_table(buckets, table.shape[1], table.shape[0], self.head_size))

    def buckets(self, table: Tensor, farthest: int) -> Tensor:
        """The bucket of every distance from ``-farthest`` to ``farthest``, ``[2 * farthest + 1]``."""
        distances = torch.arange(-farthest, farthest + 1, device=table.device)
        return self.relative_position_bucket(distances, num_buckets=table.shape[1], max_distance=farthest)


class LayoutLMv3(LayoutLMv3Model):
    """The stock model around ``RelativeEncoder``, for images of any size; the same weights from the same random state.

    Args:
        config: the stock configuration; ``text_embed`` and ``visual_embed`` say what is built.
        fast: see ``RelativeEncoder``.
        train_rel_pos: False freezes the relative-position biases, which is what transformers does in effect.
        rel_pos_init: ``normal``, or ``local`` for 2-D biases that favour what is near.
    """

    def __init__(
        self, config: LayoutLMv3Config, fast: bool = True, train_rel_pos: bool = True, rel_pos_init: str = "normal"
    ) -> None:
        super().__init__(config)
        with torch.device("meta"):  # draws nothing: the weights are those that were just drawn
            encoder = RelativeEncoder(config, fast)
        encoder.load_state_dict(self.encoder.state_dict(), assign=True)
        for name, table in encoder.named_parameters():
            if name.startswith("rel_pos"):
                table.requires_grad_(train_rel_pos)
        if rel_pos_init == "local" and config.has_spatial_attention_bias:
            encoder.favour_near()
        self.encoder = encoder
        self._grid = (0, 0)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As transformers' own.

        Raises:
            DocexpError: attention maps are asked for, which the fast attention never has.
        """
        if self.encoder.fast and kwargs.get("output_attentions"):
            raise DocexpError("the fast attention keeps no attention maps: set model.attention=eager")
        return super().forward(*args, **kwargs)

    def forward_image(self, pixel_values: Tensor) -> Tensor:
        """The class token's and the patches' embeddings, ``[B, 3, H, W] → [B, 1 + patches, D]``.

        transformers adds position embeddings of one size to patches of any, and so fails at all sizes but its own.
        """
        high, wide = self.patch_embed.proj.kernel_size
        self._grid = (pixel_values.shape[2] // high, pixel_values.shape[3] // wide)
        patches = self.patch_embed(pixel_values)
        embeddings = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), dim=1)
        return self.norm(self.pos_drop(embeddings + resize_positions(self.pos_embed, self._grid)))

    def calculate_visual_bbox(self, device: torch.device, dtype: torch.dtype, batch_size: int) -> Tensor:
        """Boxes of the class token and the patches of the image that was embedded last, ``[B, 1 + patches, 4]``."""
        boxes = self.visual_bbox if self._grid == (self.size, self.size) else self.create_visual_bbox(self._grid)
        return boxes.to(device, dtype).expand(batch_size, -1, -1)


def _score_type(hidden: Tensor) -> torch.dtype:
    """The type that biases are made in: fp32 or wider on a CPU, elsewhere that of the vectors in attention."""
    if hidden.device.type == "cpu":
        return torch.promote_types(hidden.dtype, torch.float32)
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
