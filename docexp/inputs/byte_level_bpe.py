"""Byte-level BPE, as RoBERTa's and LayoutLMv3's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors

from docexp.inputs.roberta_tokens import SPECIAL_TOKENS, RobertaTokens, add_special_tokens
from docexp.inputs.tokenizer import TokenizerError, added_tokens


@dataclass(frozen=True, eq=False)
class ByteLevelBPE(RobertaTokens):
    """Byte-level BPE with a space before every word.

    Only vocabulary and merges make it, whichever files they came from; the rest is fixed as in transformers'
    ``LayoutLMv3Tokenizer``.

    Raises:
        TokenizerError: a special token or one of the 256 bytes is missing (its texts would be dropped silently).
    """

    hub_class: ClassVar[str] = "LayoutLMv3Tokenizer"

    vocab: Mapping[str, int]
    merges: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        self._check_special()
        lost = sum(byte not in self.vocab for byte in pre_tokenizers.ByteLevel.alphabet())
        if lost:
            raise TokenizerError(f"not a byte-level tokenizer: {lost} of the 256 byte tokens are missing")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vocab, self.merges)  # without the backend and the words remembered

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """From a parsed ``tokenizer.json``.

        Raises:
            TokenizerError: parts whose absence here would change ids.
        """
        if record.get("normalizer"):
            raise TokenizerError(f"it changes texts first ({record['normalizer'].get('type')}); docexp would not")
        added = added_tokens(record, SPECIAL_TOKENS)
        return cls(dict(record["model"]["vocab"]) | added, _merges(record["model"]["merges"]))

    @property
    def content(self) -> dict[str, Any]:
        """Vocabulary and merges."""
        return {"kind": "byte-level BPE", "vocab": self.vocab, "merges": self.merges, "special": SPECIAL_TOKENS}

    def build(self) -> tokenizers.Tokenizer:
        """The same as the ``tokenizers`` library's, as ``save`` writes it."""
        try:
            backend = byte_level(models.BPE(vocab=dict(self.vocab), merges=list(self.merges)))
        except Exception as error:  # the Rust side raises a plain Exception: a merge of tokens that are not there
            raise TokenizerError(f"vocabulary and merges do not belong together: {error}") from None
        add_special_tokens(backend)
        backend.post_processor = processors.RobertaProcessing(("</s>", self.eos_id), ("<s>", self.bos_id))
        backend.encode_special_tokens = True  # as text
        return backend


def byte_level(model: models.BPE) -> tokenizers.Tokenizer:
    """``model`` behind the byte-level splitting of transformers' ``LayoutLMv3Tokenizer``; no special tokens yet."""
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    return backend


def read_vocab_and_merges(file: Path) -> ByteLevelBPE:
    """From ``vocab.json`` and the ``merges.txt`` beside it."""
    vocab = json.loads(file.read_text(encoding="utf-8"))
    lines = file.with_name("merges.txt").read_text(encoding="utf-8").split("\n")
    return ByteLevelBPE(vocab, _merges(lines[lines[0].startswith("#version") :]))


def _merges(rows: Sequence[str | list[str]]) -> tuple[tuple[str, str], ...]:
    pairs = [row.split(" ") if isinstance(row, str) else row for row in rows if row]
    return tuple((left, right) for left, right in pairs)
