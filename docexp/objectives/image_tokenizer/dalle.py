"""The image tokenizer of DALL-E (Ramesh et al. 2021, arXiv 2102.12092 §A.1), from openai/DALL-E."""

import math
from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.objectives.image_tokenizer.settings import DalleSettings

EPSILON = 0.1
"""``logit_laplace_eps``: pixels keep this distance from 0 and 1, between which the logit-Laplace density lies."""
GROUPS = 4
CHANNELS = 3
ENCODER_KERNELS = (3, 3, 3, 1)
DECODER_KERNELS = (1, 3, 3, 3)


class Conv(nn.Module):
    """A convolution that keeps the size of its maps; its parameters are called ``w`` and ``b``."""

    def __init__(self, ins: int, outs: int, kernel: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(outs, ins, kernel, kernel) / math.sqrt(ins * kernel**2))
        self.b = nn.Parameter(torch.zeros(outs))

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, ins, h, w]`` to ``[N, outs, h, w]``."""
        return F.conv2d(maps, self.w, self.b, padding=(self.w.shape[-1] - 1) // 2)


class Block(nn.Module):
    """Four convolutions, weakened by ``gain``, beside a path that changes at most the number of channels."""

    def __init__(self, ins: int, outs: int, kernels: tuple[int, ...], gain: float) -> None:
        super().__init__()
        self.gain = gain
        self.id_path = Conv(ins, outs, 1) if ins != outs else nn.Identity()
        hidden = outs // 4
        widths = (ins, hidden, hidden, hidden, outs)
        self.res_path = nn.Sequential(
            OrderedDict(
                part
                for number, kernel in enumerate(kernels, start=1)
                for part in (
                    (f"relu_{number}", nn.ReLU()),
                    (f"conv_{number}", Conv(widths[number - 1], widths[number], kernel)),
                )
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, ins, h, w]`` to ``[N, outs, h, w]``."""
        return self.id_path(maps) + self.gain * self.res_path(maps)


class Stack(nn.Module):
    """A convolution, four groups of blocks with a change of size after each but the last, and a 1 × 1 convolution."""

    def __init__(
        self,
        first: Conv,
        widths: tuple[int, ...],
        outs: int,
        *,
        blocks: int,
        kernels: tuple[int, ...],
        between: tuple[str, Callable[[], nn.Module]],
    ) -> None:
        super().__init__()
        gain, ins = 1 / (GROUPS * blocks) ** 2, first.w.shape[0]
        parts: list[tuple[str, nn.Module]] = [("input", first)]
        for number, width in enumerate(widths, start=1):
            group: list[tuple[str, nn.Module]] = []
            for block in range(1, blocks + 1):
                group.append((f"block_{block}", Block(ins, width, kernels, gain)))
                ins = width
            if number < GROUPS:
                group.append((between[0], between[1]()))
            parts.append((f"group_{number}", nn.Sequential(OrderedDict(group))))
        last = [("relu", nn.ReLU()), ("conv", Conv(ins, outs, 1))]
        self.blocks = nn.Sequential(OrderedDict([*parts, ("output", nn.Sequential(OrderedDict(last)))]))

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, C, h, w]`` through all groups."""
        return self.blocks(maps)


class DalleVAE(nn.Module):
    """Encoder and decoder under the names ``encoder.*`` and ``decoder.*``, each with openai/DALL-E's own names.

    The original computes in float16 on a GPU, so that a code there may differ where two are nearly as likely.
    """

    def __init__(self, settings: DalleSettings) -> None:
        super().__init__()
        widths = tuple(settings.hidden * factor for factor in (1, 2, 4, 8))
        pool, enlarge = (lambda: nn.MaxPool2d(2)), (lambda: nn.Upsample(scale_factor=2, mode="nearest"))
        self.encoder = Stack(
            Conv(CHANNELS, settings.hidden, 7),
            widths,
            settings.vocabulary,
            blocks=settings.blocks,
            kernels=ENCODER_KERNELS,
            between=("pool", pool),
        )
        self.decoder = Stack(
            Conv(settings.vocabulary, settings.initial, 1),
            widths[::-1],
            2 * CHANNELS,
            blocks=settings.blocks,
            kernels=DECODER_KERNELS,
            between=("upsample", enlarge),
        )
        self.vocabulary = settings.vocabulary

    @staticmethod
    def normalised(pixels: Tensor) -> Tensor:
        """uint8 pixels to 0.1..0.9: ``map_pixels`` of openai/DALL-E (dall_e/utils.py)."""
        return (1 - 2 * EPSILON) * (pixels.float() / 255) + EPSILON

    @staticmethod
    def denormalised(images: Tensor) -> Tensor:
        """The reverse of ``normalised``, to 0..1: ``unmap_pixels``."""
        return ((images - EPSILON) / (1 - 2 * EPSILON)).clamp(0, 1)

    def logits(self, images: Tensor) -> Tensor:
        """Scores of the codes, ``[N, K, h/8, w/8]``, of normalised images ``[N, 3, h, w]``."""
        return self.encoder(images)

    def statistics(self, codes: Tensor) -> Tensor:
        """Means, as logits, and logarithms of scales of the pixels, ``[N, 6, h, w]``, of codes ``[N, h/8, w/8]``."""
        return self.decoder(F.one_hot(codes, self.vocabulary).permute(0, 3, 1, 2).float())

    def decode(self, codes: Tensor) -> Tensor:
        """Normalised images ``[N, 3, h, w]`` of codes ``[N, h/8, w/8]``: the sigmoid of the means, as in its README."""
        return self.statistics(codes)[:, :CHANNELS].sigmoid()
