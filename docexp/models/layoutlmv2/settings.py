"""The choices of the LayoutLMv2 family. Imports no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from docexp.errors import DocexpError
from docexp.models.transformer_settings import RelativeBiasSettings
from docexp.settings import AtLeast1, Range

if TYPE_CHECKING:
    from docexp.documents.page import BoxLevel
    from docexp.inputs.layoutlmv2 import LayoutLMv2Encoder
    from docexp.inputs.tokenizer import Tokenizer
    from docexp.models.layoutlmv2.backbone import LayoutLMv2Backbone

STAGES = 4
"""Stages of the visual backbone."""
STRIDE = 32
"""Pixels per cell of its coarsest level."""
FINEST = 4
"""Pixels per cell of its finest level."""


@dataclass(kw_only=True)
class LayoutLMv2Settings(RelativeBiasSettings):
    """LayoutLMv2; the defaults are the paper's base model (arXiv 2012.14740 §2, appendix A, and the released code).

    The published weights, microsoft/layoutlmv2-base-uncased and -large-uncased, are licensed CC BY-NC-SA 4.0: not for
    commercial use, and that holds for what is fine-tuned from them. A model trained from scratch is free of these
    terms.

    Raises:
        DocexpError: a value out of range or a combination that cannot be built, naming the keys.
    """

    token_types: ClassVar[int] = 2
    """Rows of the published token type table; docexp's pages are all of type 0."""

    fast_qkv: bool = True
    """Whether queries, keys and values come from one matrix, as in the published base model (keys then have no bias),
    or from three, as in the published large one."""

    image: Literal["grid", "none"] = "grid"
    """``grid``: it sees the page's image as the cells of a grid; ``none``: it does not, and nothing of it is built."""
    image_size: AtLeast1 = 224
    """Height and width of the image in pixels; pages are resized to it whatever their proportions. Weights fit at any
    size."""
    grid_size: AtLeast1 = 7
    """Cells in a row of the grid and in a column."""
    visual_segment: bool = False
    """Whether cells have an embedding that says they are cells; the published LayoutLMv2 models have none."""
    train_visual: bool = True
    """Whether the visual backbone trains; false: all of it is frozen, and costs no backward pass."""
    visual_freeze_at: Annotated[int, Range(at_least=0, at_most=STAGES + 1)] = 2
    """How much of its start is frozen even so: 1, the first convolution; 2, the first stage too (the authors'); and
    so on. From scratch, 0 lets all of it learn."""
    visual_blocks: list[AtLeast1] = field(default_factory=lambda: [3, 4, 23, 3])
    """Blocks of its four stages: those of a ResNeXt-101."""
    visual_groups: AtLeast1 = 32
    """Groups of its middle convolutions."""
    visual_group_width: AtLeast1 = 8
    """Channels of a group in the first stage; every stage doubles it."""
    visual_stem: AtLeast1 = 64
    """Channels after the first convolution."""
    visual_width: AtLeast1 = 256
    """Channels after the first stage; every stage doubles it."""
    visual_channels: AtLeast1 = 256
    """Channels of the feature pyramid, from which a cell's vector is projected."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.visual_blocks) != STAGES:
            raise DocexpError(f"visual_blocks={self.visual_blocks} must name the blocks of {STAGES} stages")
        if self.image == "grid":
            self._check_image()

    def _check_image(self) -> None:
        if self.image_size % STRIDE:
            raise DocexpError(f"image_size={self.image_size} must be a multiple of {STRIDE}")
        finest = self.image_size // FINEST
        if self.grid_size > finest:
            raise DocexpError(
                f"grid_size={self.grid_size} must be at most {finest}: an image of image_size={self.image_size} has "
                f"so many cells in a row"
            )
        if self.grid_size**2 > self.max_tokens:
            raise DocexpError(
                f"grid_size={self.grid_size} makes {self.grid_size**2} cells, which share the position table of "
                f"max_tokens={self.max_tokens}"
            )

    @property
    def provides(self) -> frozenset[str]:
        """``text`` and ``pooled``, and ``patches``, the grid's cells, when the model sees the image."""
        return frozenset({"text", "pooled"} | ({"patches"} if self.image == "grid" else set()))

    @property
    def image_side(self) -> int | None:
        """``image_size``, unless the image is left out."""
        return self.image_size if self.image == "grid" else None

    @property
    def page_needs(self) -> frozenset[str]:
        """Images, unless it does not see them."""
        return frozenset({"images"}) if self.image == "grid" else frozenset()

    def encoder(self, tokenizer: "Tokenizer", box_level: "BoxLevel", window_stride: int) -> "LayoutLMv2Encoder":
        """Sub-words, boxes 0..1000 and resized pixels in blue, green, red; only what the model sees."""
        from docexp.inputs.layoutlmv2 import LayoutLMv2Encoder

        return LayoutLMv2Encoder(
            tokenizer=tokenizer,
            box_level=box_level,
            max_tokens=self.max_tokens,
            stride=window_stride,
            image_size=self.image_side,
            layout=self.layout,
        )

    def build(self, vocab_size: int, pad_token_id: int) -> "LayoutLMv2Backbone":
        """The model, its weights drawn from torch's generator."""
        from docexp.models.layoutlmv2.backbone import LayoutLMv2Backbone

        return LayoutLMv2Backbone(self, vocab_size, pad_token_id)

    def build_stock(self, vocab_size: int, pad_token_id: int) -> "LayoutLMv2Backbone":
        """transformers' ``LayoutLMv2Model``, with docexp's visual backbone in place of detectron2's."""
        from docexp.models.layoutlmv2.backbone import StockLayoutLMv2Backbone

        return StockLayoutLMv2Backbone(self, vocab_size, pad_token_id)
