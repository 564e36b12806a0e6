"""What the settings of models that see a page's image and read no word have in common. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.models.settings import ModelSettings
from docexp.settings import AtLeast1

if TYPE_CHECKING:
    from docexp.documents.page import BoxLevel
    from docexp.inputs.layout_encoder import LayoutEncoder
    from docexp.inputs.tokenizer import Tokenizer


@dataclass(kw_only=True)
class ImageModelSettings(ModelSettings, ABC):
    """A model of images alone; a family says by which encoder pages become pixels."""

    image_size: AtLeast1 = 224
    """Height and width of the image in pixels; pages are resized to it whatever their proportions. Weights made at
    another size are loaded all the same."""

    @property
    def reads_text(self) -> bool:
        """Never."""
        return False

    @property
    def image_side(self) -> int:
        """``image_size``."""
        return self.image_size

    @property
    def page_needs(self) -> frozenset[str]:
        """Images."""
        return frozenset({"images"})

    @abstractmethod
    def encoder_type(self) -> "type[LayoutEncoder]":
        """What resizes a page's image."""

    def encoder(self, tokenizer: "Tokenizer", box_level: "BoxLevel", window_stride: int) -> "LayoutEncoder":
        """Resized pixels, beside a window without words."""
        return self.encoder_type()(
            tokenizer=tokenizer,
            box_level=box_level,
            max_tokens=self.max_tokens,
            stride=window_stride,
            image_size=self.image_size,
            text=False,
            layout=False,
        )
