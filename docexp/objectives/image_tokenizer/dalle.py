"""DALL-E's image tokenizer.

The parameters have the names of the authors' code, so that converted weights load: openai/DALL-E, as shipped in
microsoft/unilm, beit/dall_e/encoder.py and decoder.py.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.objectives.image_tokenizer.codec import Codec, as_bytes
from docexp.objectives.image_tokenizer.sizes import DalleSize

GROUPS = 4
EDGE = 0.1
"""Pixels from 0 to 1 are brought to 0.1 to 0.9 (``map_pixels`` of beit/dall_e/utils.py)."""


class Convolution(nn.Module):
    """A convolution that keeps height and width; its parameters are called ``w`` and ``b``."""

    def __init__(self, seen: int, told: int, kernel: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.empty(told, seen, kernel, kernel).normal_(std=(seen * kernel**2) ** -0.5))
        self.b = nn.Parameter(torch.zeros(told))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, seen, h, w]`` to ``[N, told, h, w]``."""
        return F.conv2d(x, self.w, self.b, padding=(self.w.shape[-1] - 1) // 2)


class Block(nn.Module):
    """Four convolutions, each behind a ReLU, scaled by ``gain`` and added to the input."""

    def __init__(self, seen: int, told: int, kernels: tuple[int, int, int, int], gain: float) -> None:
        super().__init__()
        self._gain = gain
        self.id_path = Convolution(seen, told, 1) if seen != told else nn.Identity()
        widths = (seen, *[told // 4] * 3, told)
        path: OrderedDict[str, nn.Module] = OrderedDict()
        for number, kernel in enumerate(kernels):
            path[f"relu_{number + 1}"] = nn.ReLU()
            path[f"conv_{number + 1}"] = Convolution(widths[number], widths[number + 1], kernel)
        self.res_path = nn.Sequential(path)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, seen, h, w]`` to ``[N, told, h, w]``."""
        return self.id_path(x) + self._gain * self.res_path(x)


class Half(nn.Module):
    """Encoder or decoder: a convolution, four groups of blocks with a change of size between them, a convolution.

    Args:
        widths: channels of the input, before the first group, after each of the four, and of the output.
        blocks: of each group.
        kernel: of the first convolution.
        kernels: of a block's convolutions.
        between: what changes height and width.
    """

    def __init__(
        self, widths: list[int], blocks: int, kernel: int, kernels: tuple[int, int, int, int], between: nn.Module
    ) -> None:
        super().__init__()
        gain = 1 / (GROUPS * blocks) ** 2
        parts: OrderedDict[str, nn.Module] = OrderedDict(input=Convolution(widths[0], widths[1], kernel))
        for number in range(GROUPS):
            seen, told = widths[number + 1 : number + 3]
            group: OrderedDict[str, nn.Module] = OrderedDict()
            for block in range(blocks):
                group[f"block_{block + 1}"] = Block(told if block else seen, told, kernels, gain)
            if number < GROUPS - 1:
                group["between"] = between
            parts[f"group_{number + 1}"] = nn.Sequential(group)
        last = Convolution(widths[-2], widths[-1], 1)
        parts["output"] = nn.Sequential(OrderedDict[str, nn.Module](relu=nn.ReLU(), conv=last))
        self.blocks = nn.Sequential(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Eight times smaller, or larger."""
        return self.blocks(x)


class Dalle(Codec):
    """Both halves; ``encoder.`` and ``decoder.`` stand before the authors' names."""

    def __init__(self, size: DalleSize) -> None:
        super().__init__()
        wide = [size.width * factor for factor in (1, 2, 4, 8)]
        self.encoder = Half(
            [3, size.width, *wide, size.vocabulary], size.blocks, 7, (3, 3, 3, 1), nn.MaxPool2d(kernel_size=2)
        )
        # six channels come out: the mean and the log scale of each colour's logit-Laplace distribution
        self.decoder = Half(
            [size.vocabulary, size.code_dim, *reversed(wide), 6],
            size.blocks,
            1,
            (1, 3, 3, 3),
            nn.Upsample(scale_factor=2, mode="nearest"),
        )

    def normalised(self, pixels: Tensor) -> Tensor:
        """From 0.1 to 0.9. Source: ``map_pixels`` in beit/datasets.py."""
        return pixels.float() / 255 * (1 - 2 * EDGE) + EDGE

    def logits(self, images: Tensor) -> Tensor:
        """See ``Codec``."""
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Means and log scales, ``[N, 6, H, W]``, of codes ``[N, h, w]``."""
        weight = self.decoder.blocks.get_parameter("input.w")
        return self.decoder(F.one_hot(codes, weight.shape[1]).permute(0, 3, 1, 2).to(weight.dtype))

    def pixels(self, decoded: Tensor) -> Tensor:
        """The means' sigmoids, brought back from 0.1 … 0.9. Source: ``unmap_pixels``."""
        return as_bytes((decoded[:, :3].float().sigmoid() - EDGE) / (1 - 2 * EDGE))
