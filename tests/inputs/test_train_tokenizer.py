"""Training a tokenizer."""

import random
import subprocess
import sys

import pytest

from docexp.errors import DocexpError
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS
from docexp.inputs.train_tokenizer import train_tokenizer


def pages(seed: int = 0) -> list[list[str]]:
    draw = random.Random(0)
    made = [["".join(draw.choices("abcdefé ", k=draw.randint(1, 8))) for _ in range(60)] for _ in range(40)]
    random.Random(seed).shuffle(made)
    return made


def test_the_special_tokens_come_first_and_padding_is_1():
    tokenizer = train_tokenizer(pages(), 400)
    assert [tokenizer.vocab[token] for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert tokenizer.pad_id == 1 and tokenizer.vocab_size == 400
    assert sorted(tokenizer.vocab.values()) == list(range(400))


def test_the_words_decide_not_their_order_nor_the_process():
    made = train_tokenizer(pages(), 500).checksum
    assert train_tokenizer(iter(pages(7)), 500).checksum == made
    texts = repr(pages(3))
    code = f"from docexp.inputs.train_tokenizer import train_tokenizer; print(train_tokenizer({texts}, 500).checksum)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == made


def test_merges_shorten_what_was_seen_often():
    tokenizer = train_tokenizer([["invoice", "number"]] * 5, 400)
    assert len(tokenizer.encode_word("invoice")) == 1
    assert len(tokenizer.encode_word("ecoivni")) > 3


def test_few_texts_give_fewer_tokens_than_asked():
    tokenizer = train_tokenizer([["ab", "ab"]], 10_000)
    assert tokenizer.vocab_size == 263  # 256 bytes, 5 special tokens, " a" and " ab" (pairs that occur twice)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(DocexpError, match="vocab_size=260 is below 261"):
        train_tokenizer(pages(), 260)
    with pytest.raises(DocexpError, match="no words to train a tokenizer on"):
        train_tokenizer([[], ["", " "]], 400)
    with pytest.raises(DocexpError, match="half a surrogate pair"):
        train_tokenizer([["good", "a\ud800"]], 400)
