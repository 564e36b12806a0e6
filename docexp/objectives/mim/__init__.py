"""Masked image modelling: MIM of BEiT, LayoutLMv3 and DiT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from docexp.errors import DocexpError
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import AtLeast1, Folder, PositiveShare
from docexp.tasks.settings import Given

if TYPE_CHECKING:
    from docexp.inputs.settings import PageSettings
    from docexp.objectives.mim.corruptor import PatchMasking
    from docexp.objectives.mim.objective import MaskedPatches
    from docexp.shards.index import Index

BEIT_GRID, BEIT_SMALLEST = 14, 16
"""Patches along a side, and the smallest block, of BEiT's pretraining."""


@dataclass(kw_only=True)
class MIMSettings(ObjectiveSettings):
    """Blocks of patches are hidden behind a learned vector; the model guesses each patch's code, or its pixels.

    Source: BEiT (arXiv 2106.08254 §2.3) for the blocks, the vector and the codes; LayoutLMv3 (arXiv 2204.08387 §2.2)
    and DiT (arXiv 2203.02378 §3.2) take it over with about 40 % of the patches and 8,192 codes. Pixels as the target
    are those of MAE (arXiv 2111.06377 §4): each patch less its mean, over its standard deviation.

    Raises:
        DocexpError: an image tokenizer where pixels are guessed.
    """

    writes: ClassVar[frozenset[str]] = frozenset({"patches_masked"})
    reads: ClassVar[frozenset[str]] = frozenset({"image"})

    ratio: PositiveShare = 0.4
    """The share of the patches that are hidden; the number is never exceeded and may be missed by a few."""
    smallest: AtLeast1 | None = None
    """The fewest patches of a block. Unset: BEiT's 16, on grids of less than 14 × 14 the same share of them: blocks of
    16 would leave small grids short of their number."""
    aspect: PositiveShare = 0.3
    """A block's sides are to each other between this and one over this."""
    target: Literal["codes", "pixels"] = "codes"
    """What is guessed: the ``codes`` of an image tokenizer, or the normalised ``pixels``."""
    codes: AtLeast1 = 8192
    """How many codes the image tokenizer has."""
    tokenizer: Folder | None = field(default=None, metadata={"place": True})
    """An image tokenizer, a folder or run:…, that makes the codes while training. Unset: they are read from the shards,
    where docexp data tokenize-images put them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokenizer is not None and self.target == "pixels":
            raise DocexpError("tokenizer has no effect with target=pixels: leave one of them out")

    @property
    def needs(self) -> frozenset[str]:
        """Patches, and a way to hide them."""
        return frozenset({"patches", "patch_token"})

    @property
    def annotations(self) -> frozenset[str]:
        """The pages' images."""
        return frozenset({"images"})

    @property
    def whole_pages(self) -> str:
        """Stored codes are of whole pages."""
        return "tokenizer" if self.target == "codes" and self.tokenizer is None else ""

    def corruptor(self, name: str, given: Given) -> "PatchMasking":
        """Hides patches."""
        from docexp.objectives.mim.corruptor import PatchMasking

        return PatchMasking(name, self, _grid(given))

    def build(self, name: str, given: Given, hidden_size: int) -> "MaskedPatches":
        """A head over the codes, or over a patch's pixels.

        Raises:
            DocexpError: the image tokenizer cannot be read, or has another number of codes.
        """
        from docexp.objectives.mim.corruptor import CODE_SIDE
        from docexp.objectives.mim.objective import MaskedCodes, MaskedPixels

        if self.target == "pixels":
            assert given.image_side is not None
            return MaskedPixels(name, hidden_size, _grid(given), given.image_side // _grid(given))
        if self.tokenizer is None:
            return MaskedCodes(name, hidden_size, self.codes)
        from docexp.objectives.image_tokenizer.loading import load_image_tokenizer

        tokenizer = load_image_tokenizer(self.tokenizer)
        if tokenizer.vocabulary != self.codes:
            raise DocexpError(
                f"the image tokenizer {self.tokenizer} has {tokenizer.vocabulary:,} codes, and objective.{name}.codes "
                f"is {self.codes:,}. Set objective.{name}.codes={tokenizer.vocabulary}."
            )
        if tokenizer.factor != CODE_SIDE:
            raise DocexpError(
                f"the image tokenizer {self.tokenizer} makes a code of {tokenizer.factor} × {tokenizer.factor} pixels. "
                f"While training only those of {CODE_SIDE} × {CODE_SIDE} are used: store its codes first "
                "(docexp data tokenize-images)."
            )
        return MaskedCodes(name, hidden_size, self.codes, tokenizer)

    def check_data(self, data: "PageSettings", indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Stored codes are there, of this grid and number and of one image tokenizer, unless none are read."""
        del data
        if self.target == "pixels" or self.tokenizer is not None:
            return
        from docexp.shards.codes import check_codes

        assert patch_grid is not None
        tokenizer: str | None = None
        for index in indices:
            check_codes(index, patch_grid, tokenizer, None)
            stored = index.facts.codes
            assert stored is not None
            tokenizer = stored.tokenizer  # the codes of all corpora must be those of one image tokenizer
            if stored.vocabulary != self.codes:
                raise DocexpError(
                    f"{index.where} has image codes {stored}, and objective.mim.codes is {self.codes:,}. "
                    f"Set objective.mim.codes={stored.vocabulary}."
                )

    @property
    def places(self) -> Mapping[str, Any]:
        """The image tokenizer's checksum."""
        if self.tokenizer is None:
            return {}
        from docexp.objectives.image_tokenizer.loading import load_image_tokenizer

        return {"tokenizer": load_image_tokenizer(self.tokenizer).checksum}

    def hidden_number(self, grid: int) -> int:
        """The most patches of a ``grid × grid`` image that are hidden: 78 of BEiT's 196 at 0.4."""
        return round(self.ratio * grid**2)

    def smallest_block(self, grid: int) -> int:
        """``smallest``, or what it is where it is unset."""
        if self.smallest is not None:
            return self.smallest
        return max(1, min(BEIT_SMALLEST, round(BEIT_SMALLEST * grid**2 / BEIT_GRID**2)))

    def protocol(self) -> str:
        """Ratio, blocks and target."""
        smallest = "BEiT's 16 of 196" if self.smallest is None else str(self.smallest)
        target = "normalised pixels" if self.target == "pixels" else f"{self.codes:,} codes"
        return f"{self.ratio:g} of the patches, blocks of at least {smallest}, aspect {self.aspect:g}, {target}"


def _grid(given: Given) -> int:
    assert given.patch_grid is not None  # no model provides patches without
    return given.patch_grid
