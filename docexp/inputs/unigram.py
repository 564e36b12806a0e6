"""Unigram pieces, as XLM-R's and LayoutXLM's."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import tokenizers
from tokenizers import decoders, processors

from docexp.inputs.roberta_tokens import SPECIAL_TOKENS, RobertaTokens, add_special_tokens
from docexp.inputs.tokenizer import TokenizerError, added_tokens

SPACE = "▁"
"""Stands for the space before a word."""


@dataclass(frozen=True, eq=False)
class Unigram(RobertaTokens):
    """The likeliest pieces that spell a word with a space before it (Kudo 2018, arXiv 1804.10959).

    Args:
        pieces: every piece and its logarithmic probability; a piece's place is its id.
        normalizer: what is done to texts first, as in ``tokenizer.json``; None: nothing.
        pre_tokenizer: how they are split, as in ``tokenizer.json``.

    Raises:
        TokenizerError: a special token is missing, a piece is there twice, or words do not begin with a space.
    """

    hub_class: ClassVar[str] = "LayoutXLMTokenizer"

    pieces: tuple[tuple[str, float], ...]
    normalizer: dict[str, Any] | None
    pre_tokenizer: dict[str, Any]
    vocab: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocab", {piece: number for number, (piece, _) in enumerate(self.pieces)})
        if len(self.vocab) < len(self.pieces):
            raise TokenizerError(f"{len(self.pieces) - len(self.vocab)} of its {len(self.pieces):,} pieces repeat")
        self._check_special()
        splits = [part for part in _parts(self.pre_tokenizer) if part.get("type") == "Metaspace"]
        before = [part.get("prepend_scheme") or part.get("add_prefix_space") for part in splits]
        if not splits or any(how in ("never", False, None) for how in before):
            raise TokenizerError(f"it puts no {SPACE} before words, so that words would be read as the ends of words")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.pieces, self.normalizer, self.pre_tokenizer)  # without what is remembered

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """From a parsed ``tokenizer.json``.

        Raises:
            TokenizerError: parts that would give other ids here.
        """
        model = record["model"]
        if model.get("byte_fallback"):
            raise TokenizerError("it spells unknown characters as bytes; docexp reads Unigram without")
        pieces = [(piece, float(score)) for piece, score in model["vocab"]]
        for token, number in sorted(added_tokens(record, SPECIAL_TOKENS).items(), key=lambda item: item[1]):
            if number == len(pieces):
                pieces.append((token, 0.0))
            elif number > len(pieces) or pieces[number][0] != token:
                raise TokenizerError(f"its token {token} has the id {number}, where its model has another piece")
        return cls(tuple(pieces), record.get("normalizer"), record["pre_tokenizer"])

    @property
    def content(self) -> dict[str, Any]:
        """Pieces and how texts are normalised and split."""
        how = {"normalizer": self.normalizer, "pre_tokenizer": self.pre_tokenizer}
        return {"kind": "Unigram", "pieces": self.pieces, "special": SPECIAL_TOKENS, **how}

    def build(self) -> tokenizers.Tokenizer:
        """The same as the ``tokenizers`` library's, as ``save`` writes it."""
        backend = self._backend_of(self.pieces)
        backend.decoder = decoders.Metaspace(replacement=SPACE)
        add_special_tokens(backend)
        ends = [("<s>", self.bos_id), ("</s>", self.eos_id)]
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
        )
        return backend

    def build_encoder(self) -> tokenizers.Tokenizer:
        """The same pieces, but the special ones hold a space, which no text does once it is split: they are pieces of
        the model's own, so that it would find them in a text."""
        return self._backend_of([(f" {piece}" if piece in SPECIAL_TOKENS else piece, p) for piece, p in self.pieces])

    def _backend_of(self, pieces: Sequence[tuple[str, float]]) -> tokenizers.Tokenizer:
        model = {"type": "Unigram", "unk_id": self.vocab[self.unk], "vocab": pieces, "byte_fallback": False}
        record = {"model": model, "normalizer": self.normalizer, "pre_tokenizer": self.pre_tokenizer}
        empty = {"version": "1.0", "added_tokens": [], "decoder": None, "post_processor": None}
        try:
            return tokenizers.Tokenizer.from_str(json.dumps({**empty, **record}))
        except Exception as error:  # the Rust side raises a plain Exception
            raise TokenizerError(f"the tokenizers library cannot read it: {error}") from None


def _parts(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of splitting, and those it consists of."""
    yield step
    for part in step.get("pretokenizers", ()):
        yield from _parts(part)
