"""The two kinds of image tokenizers and their sizes. Imports no torch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from docexp.errors import DocexpError, choice
from docexp.settings import AtLeast1, Settings

if TYPE_CHECKING:
    from docexp.objectives.image_tokenizer.codec import Codec

KIND = "model_type"
"""The entry of a ``config.json`` that names the kind."""


@dataclass(kw_only=True)
class TokenizerSize(Settings, ABC):
    """What an image tokenizer is built from; its fields are the entries of its ``config.json``."""

    kind: ClassVar[str]
    """``model_type`` in its ``config.json``."""

    vocabulary: AtLeast1 = 8192
    """The number of codes."""

    @property
    @abstractmethod
    def factor(self) -> int:
        """Pixels that a code stands for in each direction."""

    @abstractmethod
    def build(self) -> "Codec":
        """Encoder and decoder, their weights drawn from torch's generator."""

    def to_json(self) -> dict[str, Any]:
        """What its ``config.json`` holds; the inverse of ``size_of``."""
        return {KIND: self.kind, **asdict(self)}


@dataclass(kw_only=True)
class DiscreteVAESize(TokenizerSize):
    """The discrete VAE of DiT (arXiv 2203.02378 §3.2): strided convolutions, each followed by a residual block.

    The defaults are the sizes with which the authors' code loads it (microsoft/unilm, beit/utils.py ``get_d_vae``).
    """

    kind: ClassVar[str] = "discrete_vae"

    code_dim: AtLeast1 = 512
    """Length of the vector that stands for a code."""
    layers: AtLeast1 = 3
    """Each halves height and width."""
    width: AtLeast1 = 256
    """Channels of every layer."""

    @property
    def factor(self) -> int:
        """2 to the number of layers: 8."""
        return 2**self.layers

    def build(self) -> "Codec":
        """See ``TokenizerSize``."""
        from docexp.objectives.image_tokenizer.discrete_vae import DiscreteVAE

        return DiscreteVAE(self)


@dataclass(kw_only=True)
class DalleSize(TokenizerSize):
    """DALL-E's encoder and decoder (openai/DALL-E, as shipped in microsoft/unilm, beit/dall_e), which BEiT used."""

    kind: ClassVar[str] = "dall_e"

    width: AtLeast1 = 256
    """Channels next to the pixels; four groups of blocks widen them to eight times as many."""
    blocks: AtLeast1 = 2
    """Residual blocks in a group."""
    code_dim: AtLeast1 = 128
    """Length of the vector that stands for a code in the decoder."""

    @property
    def factor(self) -> int:
        """8: between the four groups height and width are halved."""
        return 8

    def build(self) -> "Codec":
        """See ``TokenizerSize``."""
        from docexp.objectives.image_tokenizer.dalle import Dalle

        return Dalle(self)


KINDS: dict[str, type[TokenizerSize]] = {size.kind: size for size in (DiscreteVAESize, DalleSize)}
"""By ``model_type``."""


def size_of(config: Mapping[str, Any], where: str) -> TokenizerSize:
    """The size that a ``config.json`` states; an entry that is missing has the default.

    Raises:
        DocexpError: it is another kind of model, or has an entry or a value that no image tokenizer has; ``where``
            names the file.
    """
    entries = dict(config)
    kind = str(entries.pop(KIND, "a model without model_type"))
    if kind not in KINDS:
        raise DocexpError(f"{where} describes {kind}, which is no image tokenizer: its {KIND} is {' or '.join(KINDS)}.")
    known = [name for name in KINDS[kind]().to_json() if name != KIND]
    try:
        for name, value in entries.items():
            choice("the entry", name, tuple(known))
            if type(value) is not int:
                raise DocexpError(f"{name}={str(value)[:40]} must be a whole number")
        return KINDS[kind](**entries)
    except DocexpError as error:
        raise DocexpError(f"{where}: {error}") from None
