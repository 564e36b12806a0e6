"""What the settings of every BERT-like family have in common. Imports no torch."""

from abc import ABC
from dataclasses import dataclass, field
from typing import Literal

from docexp.errors import DocexpError
from docexp.models.settings import ModelSettings
from docexp.settings import AtLeast1, Positive, ShareBelow1


@dataclass(kw_only=True)
class TransformerSettings(ModelSettings, ABC):
    """The transformer's sizes; the defaults are those of BERT-base (Devlin et al. 2019, arXiv 1810.04805 §3).

    Raises:
        DocexpError: a value out of range or a combination that cannot be built, naming the keys.
    """

    layers: AtLeast1 = 12
    """Transformer layers."""
    heads: AtLeast1 = 12
    """Attention heads of a layer."""
    hidden_size: AtLeast1 = 768
    """Width of a token's vector, D."""
    ffn_size: AtLeast1 = 3072
    """Width inside the feed-forward layers."""
    layout: bool = True
    """Whether it sees where things are; false: every box is zero, and no bias depends on places."""
    dropout: ShareBelow1 = 0.1
    """Dropout of hidden vectors."""
    attention_dropout: ShareBelow1 = 0.1
    """Dropout of attention weights."""
    attention: Literal["sdpa", "eager"] = "sdpa"
    """``sdpa``: fused or tiled; ``eager``: transformers' own computation, slower, for comparison and for attention
    maps. Values and gradients are the same but for rounding, dropout draws others."""
    layer_norm_eps: Positive = 1e-12
    """Added to the variance in layer norms."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_tokens < 3:
            raise DocexpError(f"max_tokens={self.max_tokens} must be at least 3: two are special tokens")
        if self.hidden_size % self.heads:
            raise DocexpError(f"hidden_size={self.hidden_size} must be a multiple of heads={self.heads}")


@dataclass(kw_only=True)
class RelativeBiasSettings(TransformerSettings, ABC):
    """A transformer whose boxes have embeddings by parts, and whose attention may know distances.

    Raises:
        DocexpError: parts of a box that do not make up a token's vector, or buckets that cannot be filled.
    """

    coordinate_size: AtLeast1 = 128
    """Width of a coordinate's embedding; four of these and two of ``shape_size`` make up a box's, of width D."""
    shape_size: AtLeast1 = 128
    """Width of the embeddings of a box's height and width."""
    bias_1d: bool = field(default=True, metadata={"added_default": True})
    """Whether attention scores carry a bias for the distance in reading order."""
    bias_2d: bool = field(default=True, metadata={"added_default": True})
    """Whether they carry biases for the distances across and down the page; there are none with layout=false."""
    train_rel_pos: bool = True
    """Whether the relative-position biases train, as in the authors' code; false: frozen, as in transformers."""
    rel_pos_init: Literal["normal", "local"] = "normal"
    """How these biases start: ``normal`` (random, as in transformers), or ``local`` (those across and down the page
    fall with distance, see ``relative_bias.local_table``): from scratch, small models then learn far sooner to look at
    the part of the image where a word stands."""
    rel_pos_bins: AtLeast1 = 32
    """Buckets of the distance in reading order, both directions together."""
    rel_pos_max: AtLeast1 = 128
    """Distance in tokens from which all share a bucket."""
    rel_2d_pos_bins: AtLeast1 = 64
    """Buckets of the distance across the page, and of the distance down the page."""
    rel_2d_pos_max: AtLeast1 = 256
    """Distance in thousandths of the page from which all share a bucket."""

    def __post_init__(self) -> None:
        super().__post_init__()
        box = 4 * self.coordinate_size + 2 * self.shape_size
        if box != self.hidden_size:
            raise DocexpError(
                f"4 × coordinate_size={self.coordinate_size} + 2 × shape_size={self.shape_size} is {box}; "
                f"it must be hidden_size={self.hidden_size}"
            )
        _check_buckets("rel_pos", self.rel_pos_bins, self.rel_pos_max)
        _check_buckets("rel_2d_pos", self.rel_2d_pos_bins, self.rel_2d_pos_max)


def _check_buckets(kind: str, bins: int, farthest: int) -> None:
    """Refuses buckets of distances that the published formula cannot fill.

    Half of the buckets are for each direction, half of these for single distances, the others grow ever wider.

    Args:
        kind: the settings' names before ``_bins`` and ``_max``.
        bins: the buckets of both directions.
        farthest: the distance from which all share a bucket.
    """
    if bins < 4 or bins % 4:
        raise DocexpError(f"{kind}_bins={bins} must be a multiple of 4")
    if farthest <= bins // 4:
        raise DocexpError(f"{kind}_max={farthest} must be above {bins // 4}, a quarter of {kind}_bins={bins}")
