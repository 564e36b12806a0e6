"""RoBERTa's special tokens: those of byte-level BPE and of XLM-R's pieces alike."""

from typing import Any, ClassVar

import tokenizers
from tokenizers import AddedToken

from docexp.inputs.tokenizer import Tokenizer

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""In the order of their ids in a tokenizer trained here (``<pad>`` is 1, as RoBERTa's position table expects)."""


class RobertaTokens(Tokenizer):
    """A tokenizer with these special tokens."""

    special_tokens: ClassVar[tuple[str, ...]] = SPECIAL_TOKENS
    bos: ClassVar[str] = "<s>"
    pad: ClassVar[str] = "<pad>"
    eos: ClassVar[str] = "</s>"
    unk: ClassVar[str] = "<unk>"
    mask: ClassVar[str] = "<mask>"
    hub_class: ClassVar[str]
    """The class of transformers that opens it."""

    @property
    def hub_config(self) -> dict[str, Any]:
        """For ``hub_class``."""
        return {
            "tokenizer_class": self.hub_class,
            "add_prefix_space": True,
            "model_max_length": 512,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        }


def add_special_tokens(backend: tokenizers.Tokenizer) -> None:
    """Makes them special in the library's tokenizer; ``<mask>`` takes the space before it, as in RoBERTa."""
    backend.add_special_tokens([AddedToken(t, lstrip=t == "<mask>", special=True) for t in SPECIAL_TOKENS])
