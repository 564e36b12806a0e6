"""Training a tokenizer on a corpus of its own."""

import json
from collections.abc import Iterable
from itertools import chain

from tokenizers import models, pre_tokenizers, trainers

from docexp.errors import DocexpError
from docexp.inputs.byte_level_bpe import ByteLevelBPE, byte_level
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS

SMALLEST = 256 + len(SPECIAL_TOKENS)
"""Every byte and every special token has a place; merges come on top."""

MIN_FREQUENCY = 2
"""Pairs seen once are not merged: the default of ``tokenizers.ByteLevelBPETokenizer.train``."""


def train_tokenizer(texts: Iterable[list[str]], vocab_size: int) -> ByteLevelBPE:
    """Byte-level BPE trained on pages given as their words; the same words in any order give the same tokenizer.

    ``vocab_size`` of the result is smaller than asked when the texts hold no more pairs that occur twice: the caller
    shows it. The special tokens have the ids 0 to 4.

    Raises:
        DocexpError: ``vocab_size`` has no room for the bytes, or no word to learn from, or one that is no text.
    """
    if vocab_size < SMALLEST:
        raise DocexpError(f"vocab_size={vocab_size} is below {SMALLEST}: 256 bytes and {len(SPECIAL_TOKENS)} specials")
    backend = byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pages = (words for words in texts if any(word.strip() for word in words))
    first = next(pages, None)
    if first is None:
        raise DocexpError("no words to train a tokenizer on: the pages hold none")
    try:
        backend.train_from_iterator(chain([first], pages), trainer)
    except UnicodeEncodeError as error:
        raise DocexpError(f"the word {error.object[:60]!a} holds half a surrogate pair, which is no text") from None
    return ByteLevelBPE.from_json(json.loads(backend.to_str()))
