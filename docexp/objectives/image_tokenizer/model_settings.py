"""The image tokenizer as a model that a run trains. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.errors import DocexpError
from docexp.models.image_settings import ImageModelSettings
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings
from docexp.settings import NotNegative, Positive

if TYPE_CHECKING:
    from docexp.objectives.image_tokenizer.backbone import ImageTokenizerBackbone
    from docexp.objectives.image_tokenizer.encoder import TokenizerEncoder


@dataclass(kw_only=True)
class ImageTokenizerSettings(ImageModelSettings, DiscreteVAESettings):
    """DiT's discrete VAE (arXiv 2203.02378 §3.2) in training; afterwards ``run:<run>`` names it as an image tokenizer.

    Raises:
        DocexpError: an image that codes do not divide, or a temperature that would rise.
    """

    temperature: Positive = 1.0
    """Of the choice of codes in the first step (DALLE-pytorch, train_vae.py). An evaluation takes the likeliest."""
    min_temperature: Positive = 1e-10
    """Below which it does not fall; the default is DiT's (§3.2)."""
    anneal_rate: NotNegative = 1e-6
    """How fast it falls, see ``temperature_at``; the default is DALLE-pytorch's, as DiT names none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size % self.factor:
            raise DocexpError(f"image_size={self.image_size} must be a multiple of {self.factor}, 2^layers")
        if self.min_temperature > self.temperature:
            raise DocexpError(f"min_temperature={self.min_temperature} is above temperature={self.temperature}")

    @property
    def provides(self) -> frozenset[str]:
        """Images made from codes, and the scores of the codes."""
        return frozenset({"reconstruction", "code_logits"})

    @property
    def codes(self) -> int:
        """``vocabulary``."""
        return self.vocabulary

    def encoder_type(self) -> "type[TokenizerEncoder]":
        """Pages resized as for codes."""
        from docexp.objectives.image_tokenizer.encoder import TokenizerEncoder

        return TokenizerEncoder

    def build(self, vocab_size: int, pad_token_id: int) -> "ImageTokenizerBackbone":
        """The network, its weights drawn from torch's generator; it has no use for a vocabulary of words."""
        from docexp.objectives.image_tokenizer.backbone import ImageTokenizerBackbone

        del vocab_size, pad_token_id
        return ImageTokenizerBackbone(self)
