"""LayoutLMv2's visual backbone: a ResNeXt with a feature pyramid, of which the finest level becomes a grid of tokens.

Names and shapes of all parameters and buffers are those of detectron2's ``build_resnet_fpn_backbone`` under the
authors' configuration, so that published checkpoints load; detectron2 itself is not needed.

Sources: facebookresearch/detectron2, detectron2/modeling/backbone/{resnet,fpn}.py and layers/batch_norm.py;
microsoft/unilm, layoutlmft/layoutlmft/models/layoutlmv2/{detectron2_config,modeling_layoutlmv2}.py.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

PIXEL_MEAN = (103.53, 116.28, 123.675)
"""Means of blue, green and red, which the published models were trained with (0 to 255)."""

PIXEL_STD = (57.375, 57.12, 58.395)
"""Their deviations."""

STRIDE = 32
"""Pixels per cell of the coarsest level: an image's height and width must be multiples of it."""

LEVELS = (2, 3, 4, 5)
"""The stages of the ResNeXt and the levels of the pyramid, finest first; level ``n`` has a stride of ``2**n``."""


@dataclass(frozen=True)
class VisualShape:
    """The sizes of the backbone; the defaults are those of ResNeXt-101 32x8d with a pyramid of 256 channels."""

    blocks: tuple[int, ...] = (3, 4, 23, 3)
    """Bottleneck blocks of every stage."""
    groups: int = 32
    """Groups of the middle convolutions."""
    group_width: int = 8
    """Channels of a group in the first stage; every stage doubles it."""
    stem: int = 64
    """Channels after the first convolution."""
    width: int = 256
    """Channels after the first stage; every stage doubles it."""
    channels: int = 256
    """Channels of the pyramid, ``C``."""


class FrozenBatchNorm(nn.Module):
    """Batch normalisation by fixed statistics: four buffers, nothing that trains."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.full((channels,), 1.0 - eps))  # so that it starts as the identity

    def affine(self) -> tuple[Tensor, Tensor]:
        """What it multiplies by and then adds, ``[channels]`` each."""
        kind = torch.promote_types(self.weight.dtype, torch.float32)
        scale = self.weight.to(kind) * (self.running_var.to(kind) + self.eps).rsqrt()
        return scale, self.bias.to(kind) - self.running_mean.to(kind) * scale


class NormedConvolution(nn.Conv2d):
    """A convolution without bias and the frozen norm behind it, in one: the norm's factors go into the kernels."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
        self.norm = FrozenBatchNorm(outputs)

    def reset_parameters(self) -> None:
        """Draws the kernels (``c2_msra_fill`` of fvcore, which detectron2 uses here)."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, input: Tensor) -> Tensor:
        """``[B, inputs, H, W] → [B, outputs, H / stride, W / stride]``."""
        scale, shift = self.norm.affine()
        weight = self.weight * scale.to(self.weight.dtype)[:, None, None, None]
        return F.conv2d(input, weight, shift.to(weight.dtype), self.stride, self.padding, self.dilation, self.groups)


class PyramidConvolution(nn.Conv2d):
    """A convolution of the pyramid, with bias and without norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def reset_parameters(self) -> None:
        """Draws the kernels (``c2_xavier_fill`` of fvcore, which detectron2 uses here)."""
        nn.init.kaiming_uniform_(self.weight, a=1)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class Bottleneck(nn.Module):
    """Narrow, look around in groups, widen, and add what came in; the middle convolution carries the stride."""

    def __init__(self, inputs: int, middle: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.shortcut = NormedConvolution(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = NormedConvolution(inputs, middle, 1)
        self.conv2 = NormedConvolution(middle, middle, 3, stride, groups)
        self.conv3 = NormedConvolution(middle, outputs, 1)

    def forward(self, input: Tensor) -> Tensor:
        """``[B, inputs, H, W] → [B, outputs, H / stride, W / stride]``."""
        hidden = F.relu_(self.conv1(input))
        hidden = self.conv3(F.relu_(self.conv2(hidden)))
        return F.relu_(hidden + (input if self.shortcut is None else self.shortcut(input)))


class ResNeXt(nn.Module):
    """The bottom-up half: a stem and four stages."""

    def __init__(self, shape: VisualShape) -> None:
        super().__init__()
        self.stem = nn.ModuleDict({"conv1": NormedConvolution(3, shape.stem, 7, 2)})
        self.checkpointed = False
        inputs = shape.stem
        for number, level in enumerate(LEVELS):
            middle, outputs = shape.groups * shape.group_width * 2**number, shape.width * 2**number
            strides = [1 if number == 0 else 2] + [1] * (shape.blocks[number] - 1)
            blocks = []
            for stride in strides:
                blocks.append(Bottleneck(inputs, middle, outputs, stride, shape.groups))
                inputs = outputs
            self.add_module(f"res{level}", nn.Sequential(*blocks))

    def forward(self, images: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` to every stage's output, finest first: ``[B, width · 2**i, H / 2**(i+2), W / 2**(i+2)]``."""
        hidden = F.max_pool2d(F.relu_(self.stem["conv1"](images)), 3, 2, 1)
        found = []
        for level in LEVELS:
            for block in cast(nn.Sequential, getattr(self, f"res{level}")):
                again = self.checkpointed and torch.is_grad_enabled()
                hidden = checkpoint(block, hidden, use_reentrant=False) if again else block(hidden)
            found.append(hidden)
        return found

    def freeze(self, count: int) -> None:
        """Lets nothing of the stem and the first stages train: ``FREEZE_AT`` of detectron2, 1 being the stem alone."""
        for part in [self.stem, *(getattr(self, f"res{level}") for level in LEVELS)][:count]:
            part.requires_grad_(False)


class Pyramid(nn.Module):
    """The ResNeXt, and the finest level of a feature pyramid on it (Lin et al. 2017, arXiv 1612.03144).

    The output convolutions of the coarser levels are there because published checkpoints hold them. Nothing reads
    their output, so they do not train.
    """

    def __init__(self, shape: VisualShape) -> None:
        super().__init__()
        for number, level in enumerate(LEVELS):
            lateral = PyramidConvolution(shape.width * 2**number, shape.channels, 1)
            output = PyramidConvolution(shape.channels, shape.channels, 3)
            self.add_module(f"fpn_lateral{level}", lateral)
            self.add_module(f"fpn_output{level}", output.requires_grad_(level == LEVELS[0]))
        self.bottom_up = ResNeXt(shape)

    def forward(self, images: Tensor) -> Tensor:
        """``[B, 3, H, W] → [B, C, H / 4, W / 4]``."""
        merged = None
        for level, stage in reversed(list(zip(LEVELS, self.bottom_up(images), strict=True))):
            lateral = getattr(self, f"fpn_lateral{level}")(stage)
            merged = lateral if merged is None else lateral + F.interpolate(merged, scale_factor=2.0, mode="nearest")
        return getattr(self, f"fpn_output{LEVELS[0]}")(merged)


class VisualBackbone(nn.Module):
    """Images to a grid of feature vectors.

    Args:
        shape: the sizes.
        grid: cells in a row and in a column.
        freeze_at: how much of the start does not train, 0 to 5 (the authors': 2, the stem and the first stage).
        train: whether the rest does.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, shape: VisualShape, grid: int = 7, freeze_at: int = 2, train: bool = True) -> None:
        super().__init__()
        self.shape, self.grid = shape, grid
        self.backbone = Pyramid(shape)
        self.backbone.bottom_up.freeze(freeze_at)
        if not train:
            self.backbone.requires_grad_(False)
        # older checkpoints hold these, transformers' do not
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN)[:, None, None], persistent=False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Blue, green and red from 0 to 255, ``[B, 3, H, W] → [B, grid², C]``, row by row."""
        finest = self.backbone((images - self.pixel_mean) / self.pixel_std)
        return _pooled(finest, self.grid).flatten(2).transpose(1, 2)


def _pooled(features: Tensor, grid: int) -> Tensor:
    """Means over ``grid × grid`` cells, as adaptive average pooling gives them."""
    height, width = features.shape[-2:]
    if height % grid or width % grid:
        return F.adaptive_avg_pool2d(features, grid)
    return F.avg_pool2d(features, (height // grid, width // grid))  # equal, and in a fixed order on every device
