"""The sizes of the two kinds of image tokenizer. Imports no torch."""

from dataclasses import dataclass
from typing import ClassVar

from docexp.settings import AtLeast1, Settings

FACTOR = 8
"""Pixels along one side of the square that a code stands for, in both published kinds (112 pixels, 14 codes)."""


@dataclass(kw_only=True)
class DiscreteVAESettings(Settings):
    """DiT's own kind; the defaults are those of BEiT's ``get_d_vae`` (microsoft/unilm, beit/utils.py)."""

    model_type: ClassVar[str] = "discrete_vae"

    vocabulary: AtLeast1 = 8192
    """Codes that there are."""
    codebook_dim: AtLeast1 = 512
    """Width of a code's vector."""
    layers: AtLeast1 = 3
    """Halvings of the image's sides, each followed by a residual block."""
    hidden_dim: AtLeast1 = 256
    """Channels of the convolutions."""

    @property
    def factor(self) -> int:
        """Pixels along one side of the square that a code stands for."""
        return 2**self.layers


@dataclass(kw_only=True)
class DalleSettings(Settings):
    """DALL-E's kind, whose codes BEiT and LayoutLMv3 predict; the defaults are those of openai/DALL-E."""

    model_type: ClassVar[str] = "dall_e"

    vocabulary: AtLeast1 = 8192
    """Codes that there are."""
    hidden: AtLeast1 = 256
    """Channels at full resolution (``n_hid``)."""
    blocks: AtLeast1 = 2
    """Residual blocks of each of the four groups (``n_blk_per_group``)."""
    initial: AtLeast1 = 128
    """Channels that the decoder begins with (``n_init``)."""

    @property
    def factor(self) -> int:
        """Pixels along one side of the square that a code stands for."""
        return FACTOR


TokenizerSettings = DiscreteVAESettings | DalleSettings

KINDS: dict[str, type[DiscreteVAESettings] | type[DalleSettings]] = {
    kind.model_type: kind for kind in (DiscreteVAESettings, DalleSettings)
}
"""By the ``model_type`` of their ``config.json``."""
