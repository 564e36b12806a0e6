"""transformers' BEiT as DiT uses it: with a mask token from outside, and one norm for both outputs."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BeitConfig, BeitModel
from transformers.models.beit.modeling_beit import BeitEmbeddings

from docexp.errors import DocexpError
from docexp.models.image_grid import resize_positions

INITIAL_STD = 0.02
"""Standard deviation of fresh weights, which are drawn from within one of it."""


class Embeddings(BeitEmbeddings):
    """The stock embeddings, for images of any size, with a mask token that belongs to whoever hides patches."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, pixel_values: Tensor, patch_mask: Tensor | None = None, patch_token: Tensor | None = None
    ) -> Tensor:
        """The class token's and the patches' embeddings, ``[B, 1 + P, D]``: see ``DiT.forward``."""
        patches = self.patch_embeddings(pixel_values)
        if patch_mask is not None:
            patches = _hidden(patches, patch_mask, patch_token)
        high, wide = self.patch_embeddings.projection.kernel_size
        grid = pixel_values.shape[2] // high, pixel_values.shape[3] // wide
        embeddings = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), dim=1)
        assert self.position_embeddings is not None
        return self.dropout(embeddings + resize_positions(self.position_embeddings, grid))


class DiT(BeitModel):
    """The stock model without pooler and mask token. Every parameter has the stock name and shape.

    The norm after the last layer is the one of which transformers builds two: ``BeitForMaskedImageModeling`` has it
    before its head for every patch, ``BeitModel`` in its pooler for the patches' mean. Here it serves both.

    Args:
        config: the stock configuration, with ``use_mean_pooling`` and ``use_mask_token`` false.
    """

    def __init__(self, config: BeitConfig) -> None:
        super().__init__(config, add_pooling_layer=False)
        self.embeddings = Embeddings(config)
        draw_as_published(self)

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, pixel_values: Tensor, patch_mask: Tensor | None = None, patch_token: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Patches ``[B, P, D]`` and their mean ``[B, D]``, both after the norm.

        Args:
            pixel_values: ``[B, 3, H, W]``, which patches divide.
            patch_mask: ``[B, P]`` bool, row by row, True where a patch is hidden; None: none is.
            patch_token: ``[D]``, stands in the place of a hidden patch's embedding, before its position is added.

        Raises:
            DocexpError: a mask of another number of patches, or without a token.
        """
        hidden: Any = self.embeddings(pixel_values, patch_mask, patch_token)
        for layer in self.layers:
            hidden = layer(hidden)
        patches = hidden[:, 1:]
        return self.layernorm(patches), self.layernorm(patches.mean(dim=1))


def _hidden(patches: Tensor, mask: Tensor, token: Tensor | None) -> Tensor:
    if token is None:
        raise DocexpError("a batch hides patches from a model that was given no token to put in their place")
    if mask.shape != patches.shape[:2]:
        raise DocexpError(f"a mask of {mask.shape[1]} patches for an image of {patches.shape[1]}")
    return torch.where(mask[..., None], token, patches)


@torch.no_grad()
def draw_as_published(model: BeitModel) -> None:
    """Draws all weights anew as the authors' pretraining does: transformers starts class token and positions at 0.

    All are normal and cut at one standard deviation; what ends a branch of layer n is divided by √(2n).
    Source: ``VisionTransformerForMaskedImageModeling`` of microsoft/unilm, beit/modeling_pretrain.py (BEiT's; DiT's own
    pretraining was never released).
    """
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            _draw(part.weight)
            if part.bias is not None:
                part.bias.zero_()
    _draw(model.embeddings.cls_token)
    _draw(model.embeddings.position_embeddings)
    for number, layer in enumerate(model.layers, start=1):
        for last in ("attention.o_proj.weight", "mlp.fc2.weight"):
            layer.get_parameter(last).div_(math.sqrt(2 * number))


def _draw(weight: Tensor | None) -> None:
    assert weight is not None
    nn.init.trunc_normal_(weight, std=INITIAL_STD, a=-INITIAL_STD, b=INITIAL_STD)
