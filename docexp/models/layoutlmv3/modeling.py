"""transformers' LayoutLMv3, mended where it falls short. Every parameter keeps its name and shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LayoutLMv3Config, LayoutLMv3Model
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder

from docexp.errors import DocexpError
from docexp.models.attention import score_type
from docexp.models.feed_forward import recompute_activations
from docexp.models.image_grid import resize_positions
from docexp.models.layoutlmv3.attention import EagerSelfAttention, FastSelfAttention
from docexp.models.layoutlmv3.positions import CLASS, COLUMN, ROW, add_axis_positions, joined_positions
from docexp.models.layoutlmv3.pyramid import SCALES, pyramid_maps, pyramid_steps
from docexp.models.relative_bias import Axis, local_table, relative_bias


class RelativeEncoder(LayoutLMv3Encoder):
    """The stock encoder, but gradients reach the tables of relative-position biases, and attention may be fast.

    transformers looks the biases up under ``no_grad``, so that they stay as they were drawn; the authors' code trains
    them (microsoft/unilm, layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py).

    Args:
        config: the stock configuration.
        fast: one bias for all layers, ``FastSelfAttention``, and ``LinearOfActivation``; False is the stock
            computation, operation by operation.
        softmax: the form of the softmax where it is not fast; see ``scaled_softmax``.
        pyramid: four layers, counted from 0, whose outputs are kept for ``pyramid_maps``; empty: none.
    """

    def __init__(
        self, config: LayoutLMv3Config, fast: bool, softmax: str = "cogview", pyramid: Sequence[int] = ()
    ) -> None:
        super().__init__(config)
        self.fast, self.head_size = fast, config.hidden_size // config.num_attention_heads
        for layer in self.layer:
            own = FastSelfAttention(config) if fast else EagerSelfAttention(config, softmax)
            layer.attention.self = own  # pyright: ignore[reportAttributeAccessIssue]
        if fast:
            recompute_activations(self.layer)
        self._kept = tuple(pyramid)
        self.segments: Tensor | None = None
        """The segment of every text token of the running batch, ``[B, T]``, where distances depend on it."""
        self.kept: list[Tensor] = []
        """Hidden states after the kept layers, of the last call."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        hidden_states: Tensor,
        bbox: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """``[B, L, D] → [B, L, D]``."""
        del kwargs
        biases: dict[str, Tensor | None]
        if self.fast:
            biases = {"rel_pos": self.score_bias(hidden_states, bbox, attention_mask, position_ids)}
            attention_mask = None
        else:
            biases = {"rel_pos": None, "rel_2d_pos": None}
            if self.has_relative_attention_bias:
                assert position_ids is not None
                biases["rel_pos"] = self._cal_1d_pos_emb(position_ids)
            if self.has_spatial_attention_bias:
                assert bbox is not None
                biases["rel_2d_pos"] = self._cal_2d_pos_emb(bbox)
        self.kept = []
        for number, layer in enumerate(self.layer):
            hidden_states = layer(hidden_states, attention_mask, **biases)
            self.kept += [hidden_states] * self._kept.count(number)
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
            axes.append(self._reading_axis(position_ids))
        dtype = score_type(hidden)
        if not axes:
            return None if padding is None else padding[:, None, None].to(dtype)
        return relative_bias(axes, rows=len(hidden), scale=self.head_size**-0.5, padding=padding, dtype=dtype)

    def _cal_1d_pos_emb(self, position_ids: Tensor) -> Tensor:
        return relative_bias([self._reading_axis(position_ids)], rows=len(position_ids))

    def _cal_2d_pos_emb(self, bbox: Tensor) -> Tensor:
        return relative_bias(self._page_axes(bbox))

    def _reading_axis(self, position_ids: Tensor) -> Axis:
        table, length = self.rel_pos_bias.weight, position_ids.shape[1]
        positions = position_ids[:1]  # transformers counts from 0 in every row
        buckets = self.buckets(table, self.max_rel_pos)
        if self.segments is None:
            return Axis(table, positions, buckets)
        image = length - self.segments.shape[1]
        return Axis(table, positions, buckets, F.pad(self.segments, (0, image), value=-1), apart=length)

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


@dataclass(frozen=True)
class Shape:
    """What of the model is docexp's choice and not in the stock configuration; the defaults are what is published."""

    fast: bool = True
    """See ``RelativeEncoder``."""
    softmax: str = "cogview"
    """See ``scaled_softmax``; for the attention that is not fast."""
    train_rel_pos: bool = True
    """False freezes the relative-position biases, which is what transformers does in effect."""
    rel_pos_init: str = "normal"
    """``normal``, or ``local`` for 2-D biases that favour what is near."""
    image_position: str = "1d"
    """``1d``, ``2d`` or ``none``; see ``positions``."""
    pyramid: tuple[int, ...] = ()
    """Four layers, counted from 0, for ``pyramid_maps``; empty: none."""


PUBLISHED = Shape()
"""The published model, with attention as fast as may be."""


class LayoutLMv3(LayoutLMv3Model):
    """The stock model around ``RelativeEncoder``, for images of any size; the same weights from the same random state.

    Args:
        config: the stock configuration; ``text_embed`` and ``visual_embed`` say what is built.
        shape: what else is to be chosen.
    """

    def __init__(self, config: LayoutLMv3Config, shape: Shape = PUBLISHED) -> None:
        super().__init__(config)
        with torch.device("meta"):  # draws nothing: the weights are those that were just drawn
            encoder = RelativeEncoder(config, shape.fast, shape.softmax, shape.pyramid)
        encoder.load_state_dict(self.encoder.state_dict(), assign=True)
        for name, table in encoder.named_parameters():
            if name.startswith("rel_pos"):
                table.requires_grad_(shape.train_rel_pos)
        if shape.rel_pos_init == "local" and config.has_spatial_attention_bias:
            encoder.favour_near()
        if shape.pyramid:  # where the published detectors have them
            for number, step in enumerate(pyramid_steps(config.hidden_size), start=1):
                encoder.add_module(f"fpn{number}", step)
        self.encoder = encoder
        if config.visual_embed and shape.image_position != "1d":
            del self.pos_embed
            if shape.image_position == "2d":
                add_axis_positions(self, self.size, config.hidden_size)
        self._image_position, self._grid = shape.image_position, (0, 0)
        self._hidden: tuple[Tensor, Tensor] | None = None

    def forward(self, *args: Any, segments: Tensor | None = None, **kwargs: Any) -> Any:
        """As transformers' own.

        Args:
            args: as there.
            segments: the segment of every text token, ``[B, T]``: distances in reading order between segments are the
                largest, those between text and image 0 (``valid_span`` of the Chinese model); None: plain distances.
            kwargs: as there.

        Raises:
            DocexpError: attention maps are asked for, which the fast attention never has.
        """
        if self.encoder.fast and kwargs.get("output_attentions"):
            raise DocexpError("the fast attention keeps no attention maps: set model.attention=eager")
        self.encoder.segments = segments
        return super().forward(*args, **kwargs)

    def forward_image(self, pixel_values: Tensor) -> Tensor:
        """The class token's and the patches' embeddings, ``[B, 3, H, W] → [B, 1 + patches, D]``.

        transformers adds position embeddings of one size to patches of any, and so fails at all sizes but its own.
        """
        high, wide = self.patch_embed.proj.kernel_size
        self._grid = (pixel_values.shape[2] // high, pixel_values.shape[3] // wide)
        patches = self.patch_embed(pixel_values)
        if self._hidden is not None:
            (mask, token), self._hidden = self._hidden, None
            patches = torch.where(mask[:, :, None], token.to(patches.dtype), patches)
        embeddings = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), dim=1)
        positions = self.image_positions()
        if positions is not None:
            embeddings = embeddings + resize_positions(positions, self._grid)
        return self.norm(self.pos_drop(embeddings))

    def hide(self, mask: Tensor | None, token: Tensor) -> None:
        """Lets ``token``, ``[D]``, stand for the patches of the next image that ``mask``, ``[B, P]``, marks.

        It takes the place of their embeddings before positions are added, as BEiT's does (arXiv 2106.08254 §2.3);
        LayoutLMv3's own pretraining code was never released.

        Raises:
            ValueError: no mask.
        """
        if mask is None:
            raise ValueError("a token for hidden patches, but no mask that says which they are")
        self._hidden = mask, token

    def image_positions(self) -> Tensor | None:
        """Position embeddings of the class token and of the patches of a square image, ``[1, 1 + n², D]``."""
        if self._image_position == "2d":
            return joined_positions(*(self.get_parameter(name) for name in (ROW, COLUMN, CLASS)))
        return self.pos_embed if self._image_position == "1d" else None

    def pyramid(self) -> tuple[Tensor, ...]:
        """The four maps of the image that was encoded last, given once; see ``pyramid_maps``."""
        steps = [self.encoder.get_submodule(f"fpn{number}") for number in range(1, SCALES + 1)]
        kept, self.encoder.kept = self.encoder.kept, []  # nothing of a step's graph outlives it
        return pyramid_maps(steps, kept, self._grid)

    def calculate_visual_bbox(self, device: torch.device, dtype: torch.dtype, batch_size: int) -> Tensor:
        """Boxes of the class token and the patches of the image that was embedded last, ``[B, 1 + patches, 4]``."""
        boxes = self.visual_bbox if self._grid == (self.size, self.size) else self.create_visual_bbox(self._grid)
        return boxes.to(device, dtype).expand(batch_size, -1, -1)
