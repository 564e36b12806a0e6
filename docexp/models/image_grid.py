"""Position embeddings of the image's patches for a grid of any size."""

from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from docexp.errors import DocexpError


def resize_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embeddings ``[1, 1 + n², D]`` of a square grid of patches for another one, ``[1, 1 + h·w, D]``.

    The class token keeps its own; those of the patches are interpolated bicubically, as in the authors' detection code
    (microsoft/unilm, layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py, ``PatchEmbed.forward``). The grid
    that they belong to gets them as they are.

    Args:
        positions: with the class token first, then the patches row by row.
        grid: rows ``h`` and columns ``w`` of patches.

    Raises:
        DocexpError: the embeddings are not those of a square grid.
    """
    patches = positions.shape[1] - 1
    side = isqrt(patches)
    if side**2 != patches:
        raise DocexpError(f"position embeddings of {patches} patches do not belong to a square grid")
    if grid == (side, side):
        return positions
    square = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    # in fp32 also where the weights are narrower, or float64
    wide = torch.promote_types(positions.dtype, torch.float32)
    resized = F.interpolate(square.to(wide), size=grid, mode="bicubic", align_corners=False).to(positions.dtype)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
