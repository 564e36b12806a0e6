"""LayoutLMv2 behind the backbone contract."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import LayoutLMv2Config

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Encoded
from docexp.models.flops import Work
from docexp.models.layout_backbone import SETTING_OF, LayoutBackbone, bias_config, common_config
from docexp.models.layoutlmv2.modeling import LayoutLMv2, StockLayoutLMv2
from docexp.models.layoutlmv2.visual import STRIDE, Pyramid, VisualBackbone, VisualShape
from docexp.models.plain import PlainBackbone
from docexp.models.weight_names import TEXT_SIDE

if TYPE_CHECKING:
    from docexp.models.layoutlmv2.settings import LayoutLMv2Settings


class LayoutLMv2Backbone(LayoutBackbone):
    """LayoutLMv2 (arXiv 2012.14740), and LayoutXLM: a transformer over sub-words and the cells of a visual grid.

    Its state dict's names are those of the published checkpoints, ``layoutlmv2.*``, those of LayoutXLM included: the
    attribute's name is the prefix.
    """

    family = "layoutlmv2"
    prefix = "layoutlmv2."
    setting_of: ClassVar[Mapping[str, str]] = {
        **SETTING_OF,
        "coordinate_size": "coordinate_size",
        "shape_size": "shape_size",
        "max_rel_pos": "rel_pos_max",
        "max_rel_2d_pos": "rel_2d_pos_max",
        "fast_qkv": "fast_qkv",
    }
    config_keys = (*setting_of, "hidden_act", "pad_token_id", "image_feature_pool_shape")
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "image=none": ("visual.", "visual_proj.", "visual_segment_embedding", "visual_LayerNorm."),
        "visual_segment=false": ("visual_segment_embedding",),
        "bias_2d=false": ("encoder.rel_pos_x_bias.", "encoder.rel_pos_y_bias."),
        "bias_1d=false": ("encoder.rel_pos_bias.",),
        "": ("pooler.",),  # never built
    }
    text_side = TEXT_SIDE

    def __init__(self, settings: "LayoutLMv2Settings", vocab_size: int, pad_token_id: int) -> None:
        config = transformers_config(settings, vocab_size, pad_token_id)
        super().__init__(settings, config)
        self.layoutlmv2 = self._model(config, visual_backbone(settings), settings)

    def _model(
        self, config: LayoutLMv2Config, visual: VisualBackbone | None, settings: "LayoutLMv2Settings"
    ) -> StockLayoutLMv2:
        fast = settings.attention == "sdpa"
        return LayoutLMv2(config, visual, fast, settings.train_rel_pos, settings.rel_pos_init)

    def forward(self, batch: Batch) -> Encoded:
        """Encodes a micro-batch.

        ``text`` are the text tokens' last hidden states, ``patches`` those of the grid's cells in row-major order.
        ``pooled`` is the first token's.

        Raises:
            DocexpError: a text longer than ``max_tokens``, or an image that is missing or of a size that does not fit.
        """
        hidden = self.layoutlmv2(
            **self.text_inputs(batch), image=self._pixels(batch) if self.layoutlmv2.visual is not None else None
        ).last_hidden_state
        length = batch.input_ids.shape[1]
        return Encoded(
            text=hidden[:, :length],
            patches=hidden[:, length:] if self.layoutlmv2.visual is not None else None,
            pooled=hidden[:, 0],
        )

    def in_own_terms(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """With ``fast_qkv``, the three matrices of a text model as one.

        Keys then have no bias. Theirs changes nothing: it adds the same to all scores of a query.
        """
        if not self.config.fast_qkv:
            return tensors
        found = dict(tensors)
        for layer in [name.removesuffix("query.weight") for name in tensors if name.endswith(".self.query.weight")]:
            names = [f"{layer}{part}.{kind}" for kind in ("weight", "bias") for part in ("query", "key", "value")]
            if not all(name in found for name in names):
                continue  # a torn file: what is missing is told by this model's own names
            *matrices, query, _, value = (found.pop(name) for name in names)
            found[f"{layer}qkv_linear.weight"] = torch.cat(matrices)
            found[f"{layer}q_bias"], found[f"{layer}v_bias"] = query[None, None], value[None, None]
        return found

    def plain(self) -> PlainBackbone:
        """Never.

        Raises:
            DocexpError: transformers has the class, but cannot build it where docexp runs.
        """
        raise DocexpError(
            "transformers builds LayoutLMv2 and LayoutXLM with detectron2 alone, which no package index holds, so "
            "nothing could be shown to compute the same; docexp evaluate scores the run as it is"
        )

    def work(self, batch: Batch) -> Work:
        """Attention runs over the text's and the grid's tokens together; the visual backbone counts its convolutions.

        That its frozen start has no backward pass is not counted off.
        """
        config, visual = self.config, self.layoutlmv2.visual
        positions = batch.mask.sum(dim=1).double()
        embedding = 0.0
        if isinstance(visual, VisualBackbone) and batch.pixels is not None:
            (height, width), cells = batch.pixels.shape[-2:], visual.grid**2
            positions = positions + cells
            projection = 2.0 * cells * visual.shape.channels * config.hidden_size
            embedding = visual_flops(visual.shape, height, width) + projection
        return self.layers_work(positions, embedding)

    def checkpoint_activations(self) -> None:
        """Of every layer, and of every visual block."""
        super().checkpoint_activations()
        if isinstance(self.layoutlmv2.visual, VisualBackbone):
            self.layoutlmv2.visual.backbone.bottom_up.checkpointed = True

    def without_shared(self, batch: Batch) -> str:
        """The visual backbone: transformers has none of its own."""
        if self.layoutlmv2.visual is None:
            return ""
        with torch.no_grad():
            self.layoutlmv2.visual = Given(self.layoutlmv2.visual(self._pixels(batch)))
        return "the visual backbone"

    def _pixels(self, batch: Batch) -> Tensor:
        pixels = self.pixel_inputs(batch)
        height, width = pixels.shape[-2:]
        if height % STRIDE or width % STRIDE or not height or not width:
            raise DocexpError(f"an image of {height} × {width} pixels: both must be multiples of {STRIDE}")
        return pixels.to(self.layoutlmv2.visual_proj.weight.dtype)


class Given(nn.Module):
    """Cells that are known already, ``[B, grid², C]``, whatever the image."""

    cells: Tensor

    def __init__(self, cells: Tensor) -> None:
        super().__init__()
        self.register_buffer("cells", cells, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """The cells."""
        del images
        return self.cells


class StockLayoutLMv2Backbone(LayoutLMv2Backbone):
    """transformers' own computation behind the same call, with all that it lacks: what docexp's is measured against."""

    def _model(
        self, config: LayoutLMv2Config, visual: VisualBackbone | None, settings: "LayoutLMv2Settings"
    ) -> StockLayoutLMv2:
        del settings
        return StockLayoutLMv2(config, visual)


def visual_backbone(settings: "LayoutLMv2Settings") -> VisualBackbone | None:
    """The visual backbone of these settings; None where the image is left out."""
    if settings.image == "none":
        return None
    shape = VisualShape(
        blocks=tuple(settings.visual_blocks),
        groups=settings.visual_groups,
        group_width=settings.visual_group_width,
        stem=settings.visual_stem,
        width=settings.visual_width,
        channels=settings.visual_channels,
    )
    return VisualBackbone(shape, settings.grid_size, settings.visual_freeze_at, settings.train_visual)


@cache
def visual_flops(shape: VisualShape, height: int, width: int) -> float:
    """What the convolutions of a forward pass cost for one image (see ``models.flops``)."""
    with torch.device("meta"):
        visual = Pyramid(shape)
        image = torch.empty(1, 3, height, width)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        visual(image)
    return float(counter.get_total_flops())


def transformers_config(settings: "LayoutLMv2Settings", vocab_size: int, pad_token_id: int) -> LayoutLMv2Config:
    """The settings in transformers' terms."""
    return LayoutLMv2Config(
        **common_config(settings, vocab_size, pad_token_id),
        **bias_config(settings),
        type_vocab_size=settings.token_types,
        fast_qkv=settings.fast_qkv,
        has_visual_segment_embedding=settings.visual_segment,
        image_feature_pool_shape=[settings.grid_size, settings.grid_size, settings.visual_channels],
    )
