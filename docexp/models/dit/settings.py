"""The choices of the DiT family. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from docexp.errors import DocexpError
from docexp.models.image_settings import ImageModelSettings
from docexp.settings import AtLeast1, Positive, ShareBelow1

if TYPE_CHECKING:
    from docexp.inputs.dit import DiTEncoder
    from docexp.models.dit.backbone import DiTBackbone


@dataclass(kw_only=True)
class DiTSettings(ImageModelSettings):
    """DiT, which sees a page's image and reads no word; the defaults are the base model of arXiv 2203.02378 §3.1.

    What the paper leaves open is as in the configuration of the published weights, microsoft/dit-base.

    Raises:
        DocexpError: a value out of range or a combination that cannot be built, naming the keys.
    """

    patch_size: AtLeast1 = 16
    """Height and width of a patch in pixels."""
    layers: AtLeast1 = 12
    """Transformer layers."""
    heads: AtLeast1 = 12
    """Attention heads of a layer."""
    hidden_size: AtLeast1 = 768
    """Width of a patch's vector, D."""
    ffn_size: AtLeast1 = 3072
    """Width inside the feed-forward layers."""
    dropout: ShareBelow1 = 0.0
    """Dropout of hidden vectors."""
    attention_dropout: ShareBelow1 = 0.0
    """Dropout of attention weights."""
    drop_path: ShareBelow1 = 0.1
    """Share of the pages for which the last layer's two branches are left out in training; earlier layers have less, in
    equal steps, the first one nothing. 0.1 in pretraining, 0.2 in the published fine-tuning on RVL-CDIP."""
    layer_scale: Positive = 0.1
    """What the learned factors of a layer's two branches start from."""
    attention: Literal["sdpa", "eager"] = "sdpa"
    """``sdpa``: torch's fused attention; ``eager``: transformers' own computation, slower, for comparison. Values and
    gradients are the same but for rounding, dropout draws others."""
    layer_norm_eps: Positive = 1e-12
    """Added to the variance in layer norms."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % self.heads:
            raise DocexpError(f"hidden_size={self.hidden_size} must be a multiple of heads={self.heads}")
        if self.image_size < self.patch_size or self.image_size % self.patch_size:
            raise DocexpError(f"image_size={self.image_size} must be a multiple of patch_size={self.patch_size}")

    @property
    def provides(self) -> frozenset[str]:
        """``patches`` and ``pooled``; and it lets a ``patch_token`` stand in the place of hidden patches."""
        return frozenset({"patches", "pooled", "patch_token"})

    @property
    def patch_grid(self) -> int:
        """Patches along one side of the image."""
        return self.image_size // self.patch_size

    def encoder_type(self) -> "type[DiTEncoder]":
        """The whole page by a bilinear filter."""
        from docexp.inputs.dit import DiTEncoder

        return DiTEncoder

    def build(self, vocab_size: int, pad_token_id: int) -> "DiTBackbone":
        """The model, its weights drawn from torch's generator; it has no use for a vocabulary."""
        from docexp.models.dit.backbone import DiTBackbone

        del vocab_size, pad_token_id
        return DiTBackbone(self)
