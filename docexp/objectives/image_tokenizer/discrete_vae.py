"""The discrete VAE that DiT trains on pages: BEiT's ``DiscreteVAE``, after lucidrains/DALLE-pytorch."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings

CHANNELS = 3
TINY = 1e-10
"""Added to probabilities before their logarithm, as in the original."""


class ResBlock(nn.Module):
    """Three convolutions around which the input passes unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, C, h, w]`` to the same shape."""
        return maps + self.net(maps)


@dataclass
class Relaxed:
    """A pass with soft codes. ``N`` images, ``K`` codes, ``h × w`` pixels, a code for every square of 8."""

    logits: Tensor  # [N, K, h/8, w/8]
    reconstruction: Tensor  # [N, 3, h, w]


class DiscreteVAE(nn.Module):
    """Convolutions to a distribution over codes, and from codes' vectors back to pixels.

    Parameter names are those of ``DiscreteVAE`` (microsoft/unilm, beit/modeling_discrete_vae.py). Pixels run from -1 to
    1: see ``normalised``.
    """

    def __init__(self, settings: DiscreteVAESettings) -> None:
        super().__init__()
        hidden = settings.hidden_dim
        self.codebook = nn.Embedding(settings.vocabulary, settings.codebook_dim)
        down, up = [], []
        ins, outs = CHANNELS, settings.codebook_dim
        for _ in range(settings.layers):
            down += [nn.Sequential(nn.Conv2d(ins, hidden, 4, stride=2, padding=1), nn.ReLU()), ResBlock(hidden)]
            up += [nn.Sequential(nn.ConvTranspose2d(outs, hidden, 4, stride=2, padding=1), nn.ReLU()), ResBlock(hidden)]
            ins = outs = hidden
        self.encoder = nn.Sequential(*down, nn.Conv2d(hidden, settings.vocabulary, 1))
        self.decoder = nn.Sequential(*up, nn.Conv2d(hidden, CHANNELS, 1))

    @staticmethod
    def normalised(pixels: Tensor) -> Tensor:
        """uint8 pixels to -1..1: mean and deviation 0.5, what BEiT feeds its own kind (beit/datasets.py)."""
        return (pixels.float() / 255 - 0.5) / 0.5

    @staticmethod
    def denormalised(images: Tensor) -> Tensor:
        """The reverse of ``normalised``, to 0..1."""
        return (images * 0.5 + 0.5).clamp(0, 1)

    def logits(self, images: Tensor) -> Tensor:
        """Scores of the codes, ``[N, K, h/8, w/8]``, of normalised images ``[N, 3, h, w]``."""
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Normalised images ``[N, 3, h, w]`` of codes ``[N, h/8, w/8]``."""
        return self.decoder(self.codebook(codes).permute(0, 3, 1, 2))

    def relaxed(self, images: Tensor, temperature: float, noise: Tensor) -> Relaxed:
        """Reconstructs from a soft choice of codes (Jang et al. 2017, arXiv 1611.01144, eq. 2), so that it trains.

        Args:
            images: normalised, ``[N, 3, h, w]``.
            temperature: the lower, the closer to the choice of a single code.
            noise: Gumbel noise of the shape of the logits; see ``gumbel_noise``.
        """
        logits = self.logits(images)
        shares = ((logits + noise) / temperature).softmax(dim=1)
        vectors = torch.einsum("nkhw,kd->ndhw", shares, self.codebook.weight)
        return Relaxed(logits, self.decoder(vectors))


def gumbel_noise(like: Tensor) -> Tensor:
    """Standard Gumbel noise of ``like``'s shape, device and type, from torch's generator."""
    return -torch.empty_like(like).exponential_().log()


def uniform_divergence(logits: Tensor) -> Tensor:
    """How far each position's distribution over codes is from the uniform one, in nats, ``[N, h/8, w/8]``.

    Their sum over all images and positions is the term that the original weights by ``kl_div_loss_weight``: it calls
    it a batch's mean, and divides by the length of the uniform distribution's tensor, which is 1.
    """
    shares = logits.softmax(dim=1)
    return (shares * ((shares + TINY).log() + math.log(logits.shape[1]))).sum(dim=1)


def original_loss(images: Tensor, relaxed: Relaxed, kl_weight: float) -> Tensor:
    """The original's loss, scalar: the mean squared error of the pixels, and the weighted divergence."""
    return F.mse_loss(relaxed.reconstruction, images) + kl_weight * uniform_divergence(relaxed.logits).sum()
