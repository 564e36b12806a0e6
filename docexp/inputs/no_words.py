"""The tokenizer of models that read no words."""

from typing import Any, ClassVar

import tokenizers
from tokenizers import models

from docexp.inputs.roberta_tokens import SPECIAL_TOKENS, RobertaTokens, add_special_tokens


class NoWords(RobertaTokens):
    """Special tokens alone, so that windows can be opened, closed and padded; there is one such tokenizer.

    Every word is unknown to it. Its ids are RoBERTa's, so that LayoutLMv3 keeps its published padding without text.
    """

    hub_class: ClassVar[str] = "PreTrainedTokenizerFast"

    def __init__(self) -> None:
        self.vocab = {token: number for number, token in enumerate(SPECIAL_TOKENS)}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()  # without what is remembered

    @property
    def content(self) -> dict[str, Any]:
        """The special tokens."""
        return {"kind": "no words", "special": SPECIAL_TOKENS}

    def build(self) -> tokenizers.Tokenizer:
        """The same as the ``tokenizers`` library's, as ``save`` writes it."""
        backend = tokenizers.Tokenizer(models.WordLevel(dict(self.vocab), unk_token=self.unk))
        add_special_tokens(backend)
        return backend

    def build_encoder(self) -> tokenizers.Tokenizer:
        """Without special tokens, so that a word that spells one is unknown too."""
        return tokenizers.Tokenizer(models.WordLevel({self.unk: self.vocab[self.unk]}, unk_token=self.unk))
