"""Where the image's patches stand: one learned embedding for each, one for each row and column, or none."""

from math import isqrt

import torch
from torch import Tensor, nn

from docexp.models.image_grid import resize_positions

ROW, COLUMN, CLASS = "row_position", "column_position", "class_position"
"""The names of the tables of rows, of columns, and of the visual class token."""


def add_axis_positions(module: nn.Module, side: int, hidden_size: int) -> None:
    """Gives a module tables of rows and columns, ``[1, side, D / 2]`` each, and the class token's, ``[1, 1, D]``.

    They start at 0, as the published table of patches does. Half of the width for either axis: Dosovitskiy et al. 2021
    (ViT, arXiv 2010.11929), appendix D.4; the LayoutLMv3 paper tried 2-D positions (§2.1) and does not say in which
    form.
    """
    for name in (ROW, COLUMN):
        module.register_parameter(name, nn.Parameter(torch.zeros(1, side, hidden_size // 2)))
    module.register_parameter(CLASS, nn.Parameter(torch.zeros(1, 1, hidden_size)))


def joined_positions(row: Tensor, column: Tensor, first: Tensor) -> Tensor:
    """The one table that rows and columns come to, ``[1, 1 + n², D]``, row by row, the class token first."""
    side = row.shape[1]
    rows = row.unsqueeze(2).expand(-1, -1, side, -1)
    columns = column.unsqueeze(1).expand(-1, side, -1, -1)
    return torch.cat([first, torch.cat([rows, columns], dim=-1).flatten(1, 2)], dim=1)


def resized_axis(table: Tensor, side: int) -> Tensor:
    """A table of rows or of columns ``[1, n, D / 2]`` for another number of them, interpolated bicubically."""
    if table.shape[1] == side:
        return table
    square = joined_positions(table, torch.zeros_like(table), table.new_zeros(1, 1, 2 * table.shape[2]))
    resized = resize_positions(square, (side, side))[:, 1:, : table.shape[2]]
    assert isqrt(resized.shape[1]) == side
    return resized.unflatten(1, (side, side))[:, :, 0]
