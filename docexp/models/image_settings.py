"""What the settings of models that see a page's image and read no word have in common. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docexp.errors import DocexpError
from docexp.models.settings import ModelSettings
from docexp.settings import AtLeast1, PositiveShare

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

    random_crop: list[PositiveShare] = field(default_factory=list, metadata={"added_default": []})
    """RandomResizedCrop: in training a page shows a part of itself, of between these two shares of its area, drawn anew
    in every epoch; an evaluation sees all of it. Empty: so does training. Small parts of images that were stored at the
    model's size are blurred: prepare such data without image_size."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.random_crop and (len(self.random_crop) != 2 or self.random_crop[0] > self.random_crop[1]):
            raise DocexpError(
                f"random_crop={self.random_crop} must be two shares of a page's area, the smaller one first, "
                "or empty: whole pages"
            )

    @property
    def crops(self) -> bool:
        """Where there is a ``random_crop``."""
        return bool(self.random_crop)

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
        from docexp.inputs.cropping import RandomCrop

        return self.encoder_type()(
            tokenizer=tokenizer,
            box_level=box_level,
            max_tokens=self.max_tokens,
            stride=window_stride,
            image_size=self.image_size,
            text=False,
            layout=False,
            crop=RandomCrop(*self.random_crop) if self.random_crop else None,
        )
