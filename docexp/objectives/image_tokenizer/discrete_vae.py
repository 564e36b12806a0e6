"""DiT's image tokenizer: a discrete VAE, with the pieces of its training loss.

The parameters have the names of the authors' code, so that a converted checkpoint loads: ``DiscreteVAE`` of
microsoft/unilm, beit/modeling_discrete_vae.py, which follows lucidrains/DALLE-pytorch.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.objectives.image_tokenizer.codec import Codec, as_bytes
from docexp.objectives.image_tokenizer.sizes import DiscreteVAESize

SMALLEST = 1e-10
"""Added to probabilities before their logarithm, as in the authors' code."""


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions and a 1 × 1, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, width, h, w]`` to the same shape."""
        return self.net(x) + x


class DiscreteVAE(Codec):
    """Encoder, table of codes, decoder."""

    def __init__(self, size: DiscreteVAESize) -> None:
        super().__init__()
        self.codebook = nn.Embedding(size.vocabulary, size.code_dim)
        encoder: list[nn.Module] = []
        decoder: list[nn.Module] = []
        seen, told = 3, size.code_dim
        for _ in range(size.layers):
            encoder += [_halved(seen, size.width), ResidualBlock(size.width)]
            decoder += [_doubled(told, size.width), ResidualBlock(size.width)]
            seen = told = size.width
        self.encoder = nn.Sequential(*encoder, nn.Conv2d(size.width, size.vocabulary, 1))
        self.decoder = nn.Sequential(*decoder, nn.Conv2d(size.width, 3, 1))

    def normalised(self, pixels: Tensor) -> Tensor:
        """From -1 to 1. Source: mean and deviation 0.5 for ``customized`` in beit/datasets.py."""
        return (pixels.float() / 255 - 0.5) / 0.5

    def logits(self, images: Tensor) -> Tensor:
        """See ``Codec``."""
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Normalised images ``[N, 3, H, W]`` of codes ``[N, h, w]``."""
        return self.decoder(self.codebook(codes).permute(0, 3, 1, 2))

    def decode_mixed(self, shares: Tensor) -> Tensor:
        """Normalised images ``[N, 3, H, W]`` of mixtures of codes, ``[N, V, h, w]``."""
        return self.decoder(torch.einsum("nvhw,vd->ndhw", shares, self.codebook.weight))

    def pixels(self, decoded: Tensor) -> Tensor:
        """The inverse of ``normalised``, rounded and cut off."""
        return as_bytes((decoded.float() + 1) / 2)


def gumbel_noise(logits: Tensor) -> Tensor:
    """A draw of the standard Gumbel distribution for each of ``logits``, from torch's generator."""
    return -torch.empty_like(logits).exponential_().log()


def mixed_codes(logits: Tensor, noise: Tensor, temperature: float, *, straight_through: bool = False) -> Tensor:
    """The shares in which codes are mixed in training, ``[N, V, h, w]``: softmax of (logits + noise) / temperature.

    With ``straight_through`` the likeliest code alone, while gradients are those of the shares. Source: Jang et al.,
    arXiv 1611.01144 §2.1 and §2.2.
    """
    shares = ((logits + noise) / temperature).softmax(dim=1)
    if not straight_through:
        return shares
    hard = torch.zeros_like(shares).scatter_(1, shares.argmax(dim=1, keepdim=True), 1.0)
    return hard - shares.detach() + shares


def reconstruction_errors(images: Tensor, decoded: Tensor, *, smooth_l1: bool = False) -> Tensor:
    """Each image's mean squared error, or smooth L1, over its values: ``[N]`` of ``[N, 3, H, W]``."""
    measure = F.smooth_l1_loss if smooth_l1 else F.mse_loss
    return measure(decoded, images, reduction="none").mean(dim=(1, 2, 3))


def divergence_from_uniform(logits: Tensor) -> Tensor:
    """KL(q ‖ uniform) of the codes' distributions, in nats, summed over the places of each image: ``[N]``.

    The authors' ``batchmean`` divides by nothing, since their first argument has one row: their loss holds the sum of
    this over the batch, beside the mean of the errors.
    """
    shares = logits.softmax(dim=1) + SMALLEST
    return (shares * (shares.log() + math.log(logits.shape[1]))).sum(dim=(1, 2, 3))


def _halved(seen: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(seen, width, 4, stride=2, padding=1), nn.ReLU())


def _doubled(told: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(told, width, 4, stride=2, padding=1), nn.ReLU())
