"""WordPiece, as BERT's, LayoutLM's and LayoutLMv2's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from docexp.inputs.tokenizer import Tokenizer, TokenizerError, added_tokens

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""BERT's, in the order of their ids in its published vocabularies."""

PREFIX = "##"
"""Begins every sub-word but a word's first."""

LONGEST = 100
"""Characters of a word that is still looked at; a longer one is unknown as a whole (BERT's)."""


@dataclass(frozen=True, eq=False)
class WordPiece(Tokenizer):
    """WordPiece after BERT's normalising and splitting; what no sub-words spell is ``[UNK]`` as a whole.

    Source: transformers' ``LayoutLMv2Tokenizer``, which equals ``BertTokenizer`` (LayoutLM's) in this.

    Args:
        vocab: tokens to ids.
        lowercase: lower case throughout, as in the published ``-uncased`` models.
        chinese: every Chinese character is a word of its own.
        accents: whether accents are dropped; None: together with ``lowercase``.

    Raises:
        TokenizerError: a special token is missing.
    """

    special_tokens: ClassVar[tuple[str, ...]] = SPECIAL_TOKENS
    bos: ClassVar[str] = "[CLS]"
    pad: ClassVar[str] = "[PAD]"
    eos: ClassVar[str] = "[SEP]"
    unk: ClassVar[str] = "[UNK]"
    mask: ClassVar[str] = "[MASK]"

    vocab: Mapping[str, int]
    lowercase: bool = True
    chinese: bool = True
    accents: bool | None = None

    def __post_init__(self) -> None:
        self._check_special()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vocab, self.lowercase, self.chinese, self.accents)  # without what is remembered

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """From a parsed ``tokenizer.json``.

        Raises:
            TokenizerError: parts that would give other ids here.
        """
        model, before = record["model"], record.get("normalizer") or {}
        if before.get("type") != "BertNormalizer" or not before.get("clean_text"):
            raise TokenizerError(f"it changes texts by {before.get('type')}; docexp reads WordPiece by BertNormalizer")
        for key, expected in (("continuing_subword_prefix", PREFIX), ("max_input_chars_per_word", LONGEST)):
            if model.get(key, expected) != expected:
                raise TokenizerError(f"it has {key}={model[key]}; docexp reads WordPiece with {expected}")
        vocab = dict(model["vocab"]) | added_tokens(record, SPECIAL_TOKENS)
        return cls(vocab, before["lowercase"], before["handle_chinese_chars"], before["strip_accents"])

    @property
    def content(self) -> dict[str, Any]:
        """Vocabulary and how texts are normalised."""
        how = {"lowercase": self.lowercase, "chinese": self.chinese, "accents": self.accents}
        return {"kind": "WordPiece", "vocab": self.vocab, "special": SPECIAL_TOKENS, **how}

    @property
    def hub_config(self) -> dict[str, Any]:
        """For ``LayoutLMv2Tokenizer``, which takes boxes; LayoutLM's takes none."""
        return {
            "tokenizer_class": "LayoutLMv2Tokenizer",
            "do_lower_case": self.lowercase,
            "tokenize_chinese_chars": self.chinese,
            "strip_accents": self.accents,
            "model_max_length": 512,
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "mask_token": "[MASK]",
        }

    def build(self) -> tokenizers.Tokenizer:
        """The same as the ``tokenizers`` library's, as ``save`` writes it."""
        model = models.WordPiece(dict(self.vocab), unk_token=self.unk, max_input_chars_per_word=LONGEST)
        backend = tokenizers.Tokenizer(model)
        backend.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.chinese,
            strip_accents=self.accents,
            lowercase=self.lowercase,
        )
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece(prefix=PREFIX)
        backend.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
        backend.post_processor = processors.BertProcessing(("[SEP]", self.eos_id), ("[CLS]", self.bos_id))
        backend.encode_special_tokens = True  # as text
        return backend


def read_vocab_txt(file: Path) -> WordPiece:
    """From ``vocab.txt``, a token a line, and the ``tokenizer_config.json`` beside it, if any."""
    tokens = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    config = file.with_name("tokenizer_config.json")
    said = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    vocab = {token.rstrip("\r"): number for number, token in enumerate(tokens)}
    if len(vocab) < len(tokens):
        raise TokenizerError(f"{len(tokens) - len(vocab)} of its {len(tokens):,} lines repeat another")
    return WordPiece(
        vocab, said.get("do_lower_case", True), said.get("tokenize_chinese_chars", True), said.get("strip_accents")
    )
