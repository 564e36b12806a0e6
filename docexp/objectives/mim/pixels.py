"""The pixels of patches, as a target."""

from torch import Tensor

EPS = 1e-6
"""Added to the variance, as in MAE's code: what is empty has the target 0."""


def normalised_patches(pixels: Tensor, grid: int, row: Tensor, patch: Tensor) -> Tensor:
    """Some patches, each less its mean and over its standard deviation, ``[N, side² · 3]`` float32.

    Source: MAE (arXiv 2111.06377 §4, "Reconstruction target"); facebookresearch/mae, models_mae.py, takes mean and
    (unbiased) variance over all pixels and channels of a patch. Channels here are 0..1 before, not standardised.

    Args:
        pixels: ``[B, 3, H, W]`` uint8.
        grid: patches along a side.
        row: ``[N]``, which image.
        patch: ``[N]``, which patch of it, row by row.
    """
    tiles = pixels.unflatten(3, (grid, -1)).unflatten(2, (grid, -1))  # [B, 3, grid, side, grid, side]
    chosen = tiles.permute(0, 2, 4, 3, 5, 1)[row, patch // grid, patch % grid].flatten(1).float() / 255
    deviation = chosen - chosen.mean(dim=1, keepdim=True)
    variance = deviation.square().sum(dim=1, keepdim=True) / (chosen.shape[1] - 1)  # Tensor.var warns of no patches
    return deviation / (variance + EPS).sqrt()
