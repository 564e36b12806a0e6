"""The tokenizer of models that read no words."""

import json
import pickle
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from docexp.inputs.no_words import NoWords
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS
from docexp.inputs.tokenizer import TokenizerError, load_tokenizer


def test_it_is_one_and_the_same_everywhere(tmp_path: Path) -> None:
    tokenizer = NoWords()
    tokenizer.save(tmp_path)
    tokenizer.encode_word("x")
    for other in (NoWords(), load_tokenizer(str(tmp_path)), pickle.loads(pickle.dumps(tokenizer))):
        assert isinstance(other, NoWords) and other.checksum == tokenizer.checksum
        assert dict(other.vocab) == {token: number for number, token in enumerate(SPECIAL_TOKENS)}
    plain = AutoTokenizer.from_pretrained(tmp_path)
    assert (len(plain), plain.pad_token_id, plain.bos_token_id, plain.eos_token_id) == (5, 1, 0, 2)


def test_every_word_is_unknown_to_it() -> None:
    tokenizer = NoWords()
    assert [tokenizer.encode_word(word) for word in ("Total", "two words", "<mask>", "日")] == [(3,)] * 4


def test_another_list_of_words_is_not_taken_for_it(tmp_path: Path) -> None:
    NoWords().save(tmp_path)
    file = tmp_path / "tokenizer.json"
    record = json.loads(file.read_text())
    record["model"]["vocab"]["Total"] = 5
    file.write_text(json.dumps(record))
    with pytest.raises(TokenizerError, match="its model is WordLevel behind None"):
        load_tokenizer(str(tmp_path))
