"""Patches of several layers as maps at four scales: what detectors read."""

from collections.abc import Sequence

from torch import Tensor, nn

SCALES = 4
"""Maps at strides of a quarter, a half, one and two patches: 4, 8, 16 and 32 pixels with patches of 16."""


def pyramid_steps(hidden_size: int) -> list[nn.Module]:
    """What turns a map of patches ``[B, D, h, w]`` into the four scales, the finest first.

    Two transposed convolutions with batch norm and GELU between them; one; nothing; pooling of the maximum.
    Source: the detection mode of microsoft/unilm, layoutlmv3/layoutlmft/models/layoutlmv3/modeling_layoutlmv3.py
    (``fpn1`` to ``fpn4`` of the encoder).
    """

    def doubled() -> nn.Module:
        return nn.ConvTranspose2d(hidden_size, hidden_size, kernel_size=2, stride=2)

    return [
        nn.Sequential(doubled(), nn.BatchNorm2d(hidden_size), nn.GELU(), doubled()),
        nn.Sequential(doubled()),
        nn.Identity(),
        nn.MaxPool2d(kernel_size=2, stride=2),
    ]


def pyramid_maps(steps: Sequence[nn.Module], layers: Sequence[Tensor], grid: tuple[int, int]) -> tuple[Tensor, ...]:
    """The four maps, ``[B, D, h', w']`` each.

    Args:
        steps: see ``pyramid_steps``.
        layers: hidden states after four layers, ``[B, L, D]``, whose last positions are the patches row by row.
        grid: rows and columns of patches.
    """
    rows, columns = grid
    patches = (hidden[:, -rows * columns :].transpose(1, 2).unflatten(2, grid).contiguous() for hidden in layers)
    return tuple(step(some) for step, some in zip(steps, patches, strict=True))
