"""A trained LayoutLMv3 in the form that transformers' own class computes."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from docexp.errors import DocexpError
from docexp.models.layoutlmv3.positions import CLASS, COLUMN, ROW
from docexp.models.plain import PlainBackbone

if TYPE_CHECKING:
    from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone

BOX_TABLES = tuple(f"layoutlmv3.embeddings.{axis}_position_embeddings.weight" for axis in "xyhw")


def plain_layoutlmv3(backbone: "LayoutLMv3Backbone") -> PlainBackbone:
    """Configuration and tensors for transformers' LayoutLMv3, with the same outputs for the same page.

    What a setting takes away there is no switch for is put into the tables: a model that was shown no boxes gets the
    embedding of the box 0, 0, 0, 0 for every box.

    Raises:
        DocexpError: transformers cannot compute it.
    """
    settings = backbone.settings
    if settings.valid_span:
        raise DocexpError(
            "transformers' LayoutLMv3 knows no valid_span: it cannot set distances between segments apart, nor begin "
            "positions anew in each from a processor's output. A run with model.valid_span=true is not exported."
        )
    if settings.pyramid:
        raise DocexpError(
            "transformers' LayoutLMv3 has no pyramid of maps for detectors. A run with model.pyramid is not exported."
        )
    tensors: dict[str, Tensor] = {name: tensor.detach().cpu() for name, tensor in backbone.state_dict().items()}
    notes = []
    if settings.text and not settings.layout:
        for name in BOX_TABLES:
            tensors[name] = tensors[name][:1].expand_as(tensors[name]).contiguous()
        notes.append("trained without boxes: whatever boxes it is given, it computes the same")
    if settings.image == "patches" and settings.image_position != "1d":
        table = _image_positions(backbone)
        for name in (ROW, COLUMN, CLASS):
            tensors.pop(f"layoutlmv3.{name}", None)
        tensors["layoutlmv3.pos_embed"] = table
        trained = "embeddings of rows and columns" if settings.image_position == "2d" else "no position embeddings"
        notes.append(f"trained with {trained} for the image: what they come to is in the table of patches")
    config = copy.deepcopy(backbone.config)
    if config.has_spatial_attention_bias and not config.has_relative_attention_bias:
        config.has_relative_attention_bias = True
        table = torch.zeros(config.num_attention_heads, config.rel_pos_bins)
        tensors["layoutlmv3.encoder.rel_pos_bias.weight"] = table
        notes.append("trained without biases in reading order: their table is 0, since transformers needs one here")
    return PlainBackbone("LayoutLMv3", config, tensors, settings.image_side, notes=tuple(notes))


def _image_positions(backbone: "LayoutLMv3Backbone") -> Tensor:
    positions, config = backbone.image_positions(), backbone.config
    if positions is None:
        return torch.zeros(1, 1 + (config.input_size // config.patch_size) ** 2, config.hidden_size)
    return positions.detach().cpu().contiguous()
