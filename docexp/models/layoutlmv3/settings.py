"""The choices of the LayoutLMv3 family. Imports no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from docexp.errors import DocexpError
from docexp.models.transformer_settings import RelativeBiasSettings
from docexp.settings import AtLeast0, AtLeast1, Positive, shown

if TYPE_CHECKING:
    from docexp.documents.page import BoxLevel
    from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
    from docexp.inputs.tokenizer import Tokenizer
    from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone


SCALES = 4
"""Maps of a pyramid."""


@dataclass(kw_only=True)
class LayoutLMv3Settings(RelativeBiasSettings):
    """LayoutLMv3; the defaults are the paper's base model (arXiv 2204.08387 §2.1, §3.1, and the released code).

    The published weights, microsoft/layoutlmv3-base and -large, are licensed CC BY-NC-SA 4.0: not for commercial use,
    and that holds for what is fine-tuned from them. A model trained from scratch is free of these terms.

    Raises:
        DocexpError: a value out of range or a combination that cannot be built, naming the keys.
    """

    image_size: AtLeast1 = 224
    """Height and width of the image in pixels; pages are resized to it whatever their proportions. Weights made at
    another size are loaded all the same: their position embeddings are interpolated."""
    patch_size: AtLeast1 = 16
    """Height and width of a patch in pixels."""

    text: bool = True
    """Whether the model reads the words; false: it sees the image alone."""
    image: Literal["patches", "none"] = "patches"
    """``patches``: it sees the page's image; ``none``: it does not, and nothing of the image is built."""

    image_position: Literal["1d", "2d", "none"] = field(default="1d", metadata={"added_default": "1d"})
    """What tells the patches apart by place, besides the biases: an embedding for each (``1d``, as published), one for
    its row joined with one for its column (``2d``), or nothing (``none``)."""
    pyramid: list[AtLeast0] = field(default_factory=list, metadata={"added_default": []})
    """Four layers, counted from 0, whose patches become maps at strides of a quarter to two patches, for detectors;
    empty: none. The published detectors take [3,5,7,11], large ones [7,11,15,23]."""

    valid_span: bool = field(default=False, metadata={"added_default": False})
    """Whether reading order counts inside segments alone, as in the Chinese model: tokens of different boxes (at
    ``data.box_level``) are as far apart as can be, text and image at distance 0, and positions begin anew in each."""

    attention: Literal["sdpa", "eager"] = field(default="sdpa", metadata={"added_default": "eager"})
    """``sdpa``: fused or tiled, with one bias for all layers; ``eager``: transformers' own computation, several times
    slower, for comparison and for attention maps. Values and gradients are the same but for rounding, dropout draws
    others."""
    attention_softmax: Literal["cogview", "maximum", "plain"] = field(
        default="cogview", metadata={"added_default": "cogview"}
    )
    """With attention=eager, how scores are kept in range: over 32, minus their maximum, times 32 (``cogview``, as
    published), minus their ``maximum``, or not at all (``plain``). Values are the same but for rounding."""
    layer_norm_eps: Positive = 1e-5
    """Added to the variance in layer norms (1e-6 after the patch embedding, always, as published)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text and self.image == "none":
            raise DocexpError("text=false with image=none leaves nothing to see; allow one of them")
        if self.image_size < self.patch_size or self.image_size % self.patch_size:
            raise DocexpError(f"image_size={self.image_size} must be a multiple of patch_size={self.patch_size}")
        self._check_choices()
        self._check_pyramid()

    def _check_choices(self) -> None:
        """Refuses what would have no effect, or not the effect that its name promises."""
        if not self.bias_2d and not self.layout:
            raise DocexpError(
                "bias_2d=false has no effect with layout=false, where there are none: leave one of them out"
            )
        if self.image_position != "1d" and self.image == "none":
            raise DocexpError(
                f"image_position={self.image_position} has no effect with image=none: leave one of them out"
            )
        if self.attention_softmax != "cogview" and self.attention != "eager":
            raise DocexpError(
                f"attention_softmax={self.attention_softmax} has no effect with attention={self.attention}: "
                "set attention=eager"
            )
        if self.valid_span and not (self.text and self.layout and self.bias_1d):
            raise DocexpError("valid_span=true needs text=true, layout=true and bias_1d=true")
        if self.image_position == "2d" and self.hidden_size % 2:
            raise DocexpError(f"image_position=2d needs an even hidden_size, not {self.hidden_size}")

    def _check_pyramid(self) -> None:
        taken = self.pyramid
        if not taken:
            return
        if self.image == "none":
            raise DocexpError(f"pyramid={shown(taken)} is made of patches: it needs image=patches")
        if len(taken) != SCALES or sorted(taken) != taken or taken[-1] != self.layers - 1:
            raise DocexpError(
                f"pyramid={shown(taken)} must name {SCALES} layers in order, counted from 0, the last one being "
                f"{self.layers - 1}: layers behind it would never train"
            )

    @property
    def provides(self) -> frozenset[str]:
        """``pooled``; ``text``, and ``patches`` that can be hidden, when it sees them; ``pyramid`` if asked for."""
        image = self.image == "patches"
        seen = {
            "pooled": True,
            "text": self.text,
            "patches": image,
            "patch_token": image,
            "pyramid": bool(self.pyramid),
        }
        return frozenset(name for name, there in seen.items() if there)

    @property
    def reads_text(self) -> bool:
        """``text``."""
        return self.text

    @property
    def image_side(self) -> int | None:
        """``image_size``, unless the image is left out."""
        return self.image_size if self.image == "patches" else None

    @property
    def patch_grid(self) -> int | None:
        """``image_size`` in patches, unless the image is left out."""
        return self.image_size // self.patch_size if self.image == "patches" else None

    @property
    def page_needs(self) -> frozenset[str]:
        """Images, unless it does not see them."""
        return frozenset({"images"}) if self.image == "patches" else frozenset()

    def encoder(self, tokenizer: "Tokenizer", box_level: "BoxLevel", window_stride: int) -> "LayoutLMv3Encoder":
        """Sub-words, boxes 0..1000 and resized pixels; only what the model sees."""
        from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder

        return LayoutLMv3Encoder(
            tokenizer=tokenizer,
            box_level=box_level,
            max_tokens=self.max_tokens,
            stride=window_stride,
            image_size=self.image_side,
            text=self.text,
            layout=self.layout,
        )

    def build(self, vocab_size: int, pad_token_id: int) -> "LayoutLMv3Backbone":
        """The model, its weights drawn as transformers draws them: the same from the same generator state."""
        from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone

        return LayoutLMv3Backbone(self, vocab_size, pad_token_id)

    def build_stock(self, vocab_size: int, pad_token_id: int) -> "LayoutLMv3Backbone":
        """transformers' ``LayoutLMv3Model``.

        Raises:
            DocexpError: it lacks something that these settings ask for.
        """
        lacking = {
            "valid_span=true": self.valid_span,
            f"pyramid={shown(self.pyramid)}": bool(self.pyramid),
            f"image_position={self.image_position}": self.image_position != "1d",
            "bias_1d=false with bias_2d=true": not self.bias_1d and self.bias_2d and self.layout,
        }
        if any(lacking.values()):
            what = ", ".join(setting for setting, asked in lacking.items() if asked)
            raise DocexpError(f"transformers' LayoutLMv3 has no {what}, so there is nothing to compare with")
        from docexp.models.layoutlmv3.backbone import StockLayoutLMv3Backbone

        return StockLayoutLMv3Backbone(self, vocab_size, pad_token_id)
