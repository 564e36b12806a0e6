"""A batch's pixels as models of patches take them."""

import torch
from torch import Tensor

from docexp.errors import DocexpError


def patch_pixels(pixels: Tensor, patch: int, dtype: torch.dtype) -> Tensor:
    """Channels from -1 to 1, ``[B, 3, h, w]``.

    Mean and standard deviation 0.5: ``image_mean`` and ``image_std`` of LayoutLMv3's and DiT's published image
    processors.

    Args:
        pixels: ``[B, 3, h, w]`` uint8.
        patch: height and width of a patch in pixels.
        dtype: of the result.

    Raises:
        DocexpError: patches do not divide the image.
    """
    height, width = pixels.shape[-2:]
    if height % patch or width % patch or not height or not width:
        raise DocexpError(f"an image of {height} × {width} pixels does not divide into patches of {patch} × {patch}")
    return ((pixels.float() / 255 - 0.5) / 0.5).to(dtype)
