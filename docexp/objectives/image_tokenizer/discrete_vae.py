"""The discrete VAE that DiT trains on pages: BEiT's ``DiscreteVAE``, after lucidrains/DALLE-pytorch."""

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from docexp.models.flops import matrix_weights
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings

CHANNELS = 3
TINY = 1e-10
"""Added to probabilities before their logarithm, as in the original."""


class ResBlock(nn.Module):
    """Three convolutions around which the input passes unchanged.

    ``keeps`` says whether what lies between them is kept for the backward pass, or computed again.
    """

    keeps = True

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
        if self.keeps or not torch.is_grad_enabled():
            return maps + self.net(maps)
        return maps + checkpoint(self.net, maps, use_reentrant=False)


class DiscreteVAE(nn.Module):
    """Convolutions to a distribution over codes, and from codes' vectors back to pixels.

    ``N`` images of ``h × w`` pixels, ``K`` codes, one for every square of 8 pixels. Parameter names are those of
    ``DiscreteVAE`` (microsoft/unilm, beit/modeling_discrete_vae.py). Pixels run from -1 to 1: see ``normalised``.
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

    def soft(self, logits: Tensor, temperature: float, noise: Tensor) -> Tensor:
        """Normalised images of a soft choice of codes (Jang et al. 2017, arXiv 1611.01144, eq. 2), so that it trains.

        Args:
            logits: float32, ``[N, K, h/8, w/8]``.
            temperature: the lower, the closer to the choice of a single code.
            noise: Gumbel noise of the shape of the logits; see ``gumbel_noise``.
        """
        shares = ((logits + noise) / temperature).softmax(dim=1)
        return self.decoder(torch.einsum("nkhw,kd->ndhw", shares.to(self.codebook.weight.dtype), self.codebook.weight))

    def forward_flops(self, side: int) -> int:
        """FLOPs of encoder and decoder for an image of ``side × side`` pixels; see ``models.flops``."""
        smallest = side // 2 ** (len(self.encoder) // 2)
        return _flops(self.encoder, side, 0.5) + _flops(self.decoder, smallest, 2.0)


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


def _flops(modules: nn.Sequential, side: float, change: float) -> int:
    """Of the modules in turn, each sequence of which changes the maps' sides by a factor."""
    total = 0
    for module in modules:
        after = side * change if isinstance(module, nn.Sequential) else side
        # a convolution lays its kernel on every position of its output, a transposed one on those of its input
        total += 2 * matrix_weights(module) * int(min(side, after)) ** 2
        side = after
    return total
