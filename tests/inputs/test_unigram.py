"""Unigram pieces, against transformers' own tokenizer of LayoutXLM on a made vocabulary."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.layoutlmv2 import LayoutLMv2Encoder
from docexp.inputs.tokenizer import load_tokenizer, read_tokenizer_json
from docexp.inputs.unigram import SPACE, Unigram

SPECIAL = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
PIECES = [("▁Rech", -2.0), ("nung", -2.5), ("▁", -3.0), ("▁Betrag", -3.0), ("s", -4.0), ("ß", -5.0), ("I", -5.0)]
LETTERS = [(letter, -8.0 - number / 10) for number, letter in enumerate("abcdeghnrtuBR日本€<>mk/")]
VOCAB = (*SPECIAL, *PIECES, *LETTERS, ("<mask>", 0.0))
WORDS = ["Rechnung", "Betrags", "I", "日本", "zwei Worte", "ends ", " begins", "two  spaces", "€", "qq", "Strasse"]


@pytest.fixture(scope="module")
def stock() -> Any:
    from transformers import LayoutXLMTokenizer

    return LayoutXLMTokenizer(vocab=list(VOCAB))


@pytest.fixture(scope="module")
def record(stock: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("published")
    stock.save_pretrained(folder)
    return json.loads((folder / "tokenizer.json").read_text())


@pytest.fixture(scope="module")
def made(record: dict[str, Any]) -> Unigram:
    tokenizer = read_tokenizer_json(record)
    assert isinstance(tokenizer, Unigram)
    return tokenizer


def test_every_word_gives_the_ids_of_transformers(made: Unigram, stock: Any) -> None:
    ids = [token for word in WORDS for token in made.encode_word(word)]
    assert stock(WORDS, boxes=[[0, 0, 0, 0]] * len(WORDS)).input_ids == [made.bos_id, *ids, made.eos_id]
    assert (made.bos_id, made.pad_id, made.eos_id, made.vocab_size) == (0, 1, 2, len(VOCAB))


def test_a_word_begins_with_a_space(made: Unigram) -> None:
    assert made.encode_word("Rechnung") == (made.vocab["▁Rech"], made.vocab["nung"])
    assert made.encode_word("s") == (made.vocab[SPACE], made.vocab["s"])


def test_a_word_that_spells_a_special_token_is_text(made: Unigram) -> None:
    for token, _ in (*SPECIAL, ("<mask>", 0.0)):
        assert not {made.vocab[t] for t in ("<s>", "<pad>", "</s>", "<mask>")} & set(made.encode_word(token))
    assert made.encode_word("<mask>")[0] == made.vocab[SPACE]


def test_one_sub_word_of_a_word_bears_its_label(made: Unigram, stock: Any) -> None:
    """transformers labels two where a word's first piece is the space alone."""
    words = ["I", "Rechnung", "Betrags"]
    page = Page("p", 100, 100, tuple(words), np.array([[0.0, 0, 10, 10]] * 3))
    (window,) = LayoutLMv2Encoder(tokenizer=made, image_size=None).encode(page)
    assert window.starts_word.sum() == 3 and window.word_index.tolist() == [-1, 0, 0, 1, 1, 2, 2, -1]
    theirs = stock(words, boxes=[[0, 0, 100, 100]] * 3, word_labels=[0, 1, 2])
    assert window.input_ids.tolist() == theirs.input_ids
    assert [label for label in theirs.labels if label >= 0] == [0, 0, 1, 2]


@given(st.text(min_size=1, max_size=20).filter(lambda word: not any("\ud800" <= c <= "\udfff" for c in word)))
def test_no_word_is_without_a_token(made: Unigram, word: str) -> None:
    assert made.encode_word(word)


def test_it_travels_and_is_opened_by_transformers(made: Unigram, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made.save(tmp_path / "own")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "own")
    assert type(theirs).__name__ == "LayoutXLMTokenizer" and len(theirs) == made.vocab_size
    theirs.save_pretrained(tmp_path / "theirs")
    for folder in ("own", "theirs"):
        loaded = load_tokenizer(str(tmp_path / folder))
        assert loaded.checksum == made.checksum
        assert [loaded.encode_word(word) for word in WORDS] == [made.encode_word(word) for word in WORDS]
    assert pickle.loads(pickle.dumps(made)).checksum == made.checksum


def test_the_layout_of_xlm_r_is_read_too(record: dict[str, Any], made: Unigram) -> None:
    """Whitespace first, the older spelling of the prefix, and a mask token beyond the model's pieces."""
    split = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace(add_prefix_space=True)]}
    model = {**record["model"], "vocab": record["model"]["vocab"][:-1]}
    other = read_tokenizer_json({**record, "pre_tokenizer": split, "normalizer": None, "model": model})
    assert other.vocab == made.vocab and other.checksum != made.checksum
    assert other.encode_word("Rechnung") == made.encode_word("Rechnung")


def metaspace(**how: Any) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": SPACE, **how}


def test_what_would_give_other_ids_is_refused(record: dict[str, Any], tmp_path: Path) -> None:
    cases = {
        "puts no ▁ before words": {"pre_tokenizer": metaspace(prepend_scheme="never", split=True)},
        "Unigram behind Whitespace; docexp reads": {"pre_tokenizer": {"type": "Whitespace"}},
        "spells unknown characters as bytes": {"model": {**record["model"], "byte_fallback": True}},
        "1 of its .* pieces repeat": {"model": {**record["model"], "vocab": [*record["model"]["vocab"], ["s", -1.0]]}},
        "its token <mask> has the id 9": {"added_tokens": [{"content": "<mask>", "id": 9}]},
        "its token <mask> has the id 99": {"added_tokens": [{"content": "<mask>", "id": 99}]},
        r"a tokenizer of 4 tokens without <mask>": {
            "model": {**record["model"], "vocab": record["model"]["vocab"][:4]},
            "added_tokens": [],
        },
        r"does not know: \[ENT\]": {"added_tokens": [{"content": "[ENT]", "id": 99}]},
    }
    for message, changes in cases.items():
        with pytest.raises(DocexpError, match=message):
            read_tokenizer_json({**record, **changes})
    broken = {"type": "Nonsense"}
    with pytest.raises(DocexpError, match="the tokenizers library cannot read it"):
        read_tokenizer_json({**record, "normalizer": broken}).encode_word("a")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"")
    with pytest.raises(DocexpError, match=r"as sentencepiece\.bpe\.model, which docexp does not read\. Where"):
        load_tokenizer(str(tmp_path))
