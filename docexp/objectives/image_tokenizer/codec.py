"""What both kinds of image tokenizers compute."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Codec(nn.Module, ABC):
    """Encoder and decoder. ``N`` images, ``V`` codes, ``h × w`` codes of an image of ``H × W`` pixels."""

    @abstractmethod
    def normalised(self, pixels: Tensor) -> Tensor:
        """Pixels as the encoder takes them: ``[N, 3, H, W]`` uint8 to float32."""

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """Scores of every code, ``[N, V, h, w]``, of normalised images ``[N, 3, H, W]``."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """What the decoder makes of codes ``[N, h, w]``, in its own terms."""

    @abstractmethod
    def pixels(self, decoded: Tensor) -> Tensor:
        """What ``decode`` gave, as pixels: ``[N, 3, H, W]`` uint8."""

    def codes(self, images: Tensor) -> Tensor:
        """The likeliest code of every place, ``[N, h, w]`` int64, of normalised images."""
        return self.logits(images).argmax(dim=1)


def as_bytes(shares: Tensor) -> Tensor:
    """Values from 0 to 1, cut off there, as uint8."""
    return (shares.clamp(0, 1) * 255).round().byte()
