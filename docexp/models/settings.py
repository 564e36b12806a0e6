"""What every model family lets a run choose. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Folder, Settings

if TYPE_CHECKING:
    from docexp.documents.page import BoxLevel
    from docexp.inputs.encoder import PageEncoder
    from docexp.inputs.tokenizer import Tokenizer
    from docexp.models.backbone import Backbone


@dataclass(kw_only=True)
class ModelSettings(Settings, ABC):
    """A model of one family: its size, what it sees, and where its weights come from. A family adds its own fields."""

    weights: Folder | None = None
    """Where the first weights come from: ``run:<run>``, a folder, or a hub id. Unset: drawn from the seed."""
    tokenizer: Folder | None = None
    """A folder, a hub id, or ``data:N`` to train one of N tokens. Unset: the one that belongs to the weights."""
    licence: str = ""
    """The terms of the family's published weights of this size; told when they are loaded and when they are exported.
    Empty: there are none."""
    allow_missing: list[str] = field(default_factory=list, metadata={"added_default": []})
    """Parameters that stay as drawn where the weights lack them or have them in another shape: names without prefix,
    globs, or modules, as in ``[pos_embed,encoder.rel_pos_*]``. Anything else that is missing is an error."""
    allow_unexpected: list[str] = field(default_factory=list, metadata={"added_default": []})
    """Tensors of the weights that the model has not and that are left out, chosen in the same way."""
    resize_vocabulary: bool = field(default=False, metadata={"added_default": False})
    """Whether a table of tokens of another size is cut or extended to the tokenizer's: tokens keep their ids, and new
    ones stay as drawn."""
    freeze: list[str] = field(default_factory=list, metadata={"added_default": []})
    """Parameters that do not train, chosen in the same way, as in ``[embeddings,encoder.layer.0]``."""
    max_tokens: AtLeast1 = 512
    """The longest text the model reads at once, special tokens included; longer pages become several windows."""

    @property
    @abstractmethod
    def provides(self) -> frozenset[str]:
        """The fields of ``Encoded`` that the model fills under these settings; and ``patch_token`` when patches can be
        hidden from it (see ``Batch.patch_token``)."""

    @property
    def image_side(self) -> int | None:
        """Height and width in pixels of the images that the model sees; None when it sees none."""
        return None

    @property
    def patch_grid(self) -> int | None:
        """Patches along one side of the image that the model sees; None where it sees none."""
        return None

    @property
    def crops(self) -> bool:
        """Whether training shows parts of pages, drawn anew in every epoch."""
        return False

    @property
    def codes(self) -> int | None:
        """Codes that an image tokenizer in training chooses among; None for other models."""
        return None

    @property
    def reads_text(self) -> bool:
        """Whether the model reads a page's words. One that does not has no use for a tokenizer."""
        return True

    @property
    def page_needs(self) -> frozenset[str]:
        """What of a page the model sees besides its words: ``images``, where it does."""
        return frozenset()

    @abstractmethod
    def encoder(self, tokenizer: "Tokenizer", box_level: "BoxLevel", window_stride: int) -> "PageEncoder":
        """What turns pages into this model's inputs."""

    @abstractmethod
    def build(self, vocab_size: int, pad_token_id: int) -> "Backbone":
        """The model, its weights drawn from torch's generator; loading ``weights`` is the caller's."""

    def build_stock(self, vocab_size: int, pad_token_id: int) -> "Backbone":
        """The same model by transformers' own class, with equal parameter names: what ``docexp bench`` compares with.

        Raises:
            DocexpError: there is none.
        """
        del vocab_size, pad_token_id
        raise DocexpError(f"{type(self).__name__} names no class of transformers to compare with")
