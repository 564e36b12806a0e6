"""A trained LayoutLMv3 in the form that transformers' own class computes."""

import copy
from typing import TYPE_CHECKING

from torch import Tensor

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
    tensors: dict[str, Tensor] = {name: tensor.detach().cpu() for name, tensor in backbone.state_dict().items()}
    notes = []
    if settings.text and not settings.layout:
        for name in BOX_TABLES:
            tensors[name] = tensors[name][:1].expand_as(tensors[name]).contiguous()
        notes.append("trained without boxes: whatever boxes it is given, it computes the same")
    return PlainBackbone("LayoutLMv3", copy.deepcopy(backbone.config), tensors, settings.image_side, notes=tuple(notes))
