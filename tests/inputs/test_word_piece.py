"""WordPiece, against transformers' own tokenizers on a made vocabulary."""

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.inputs.tokenizer import load_tokenizer, read_tokenizer_json
from docexp.inputs.word_piece import SPECIAL_TOKENS, WordPiece

PIECES = ["total", "amount", "in", "##vo", "##ice", "na", "##ive", "##i", "日", "本", "$", "1", ",", "##2", ".", "##5"]
VOCAB = {token: number for number, token in enumerate([*SPECIAL_TOKENS, *PIECES, *"abcdef", "Total", "na\u00ef"])}
WORDS = [
    "Total",
    "TOTAL",
    "Invoice",
    "na\u00efve",
    "NA\u00cfI",
    "日本",
    "$1,2.5",
    "unknown",
    "two words",
    "ends ",
    "[SEP]",
    "x" * 101,
    "a" + "2" * 98,
]


@pytest.fixture(scope="module")
def made() -> WordPiece:
    return WordPiece(VOCAB)


@pytest.mark.parametrize(("lowercase", "chinese", "accents"), [(True, True, None), (False, False, False)])
def test_every_word_gives_the_ids_of_transformers(lowercase: bool, chinese: bool, accents: bool | None) -> None:
    from transformers import BertTokenizer, LayoutLMv2Tokenizer

    made = WordPiece(VOCAB, lowercase, chinese, accents)
    how = {"do_lower_case": lowercase, "tokenize_chinese_chars": chinese, "strip_accents": accents}
    words = [word for word in WORDS if word != "[SEP]"]
    ids = [token for word in words for token in made.encode_word(word)]
    v2 = LayoutLMv2Tokenizer(vocab=dict(VOCAB), **how)(words, boxes=[[0, 0, 0, 0]] * len(words)).input_ids
    v1 = BertTokenizer(vocab=dict(VOCAB), **how)(words, is_split_into_words=True).input_ids
    assert v2 == v1 == [made.bos_id, *ids, made.eos_id]


def test_case_and_accents_go_and_come_with_the_settings(made: WordPiece) -> None:
    assert made.encode_word("TOTAL") == made.encode_word("total") == (VOCAB["total"],)
    assert made.encode_word("na\u00efve") == (VOCAB["na"], VOCAB["##ive"])
    cased = WordPiece(VOCAB, lowercase=False)
    assert cased.encode_word("Total") == (VOCAB["Total"],) and cased.encode_word("TOTAL") == (VOCAB["[UNK]"],)
    assert cased.encode_word("na\u00ef") == (VOCAB["na\u00ef"],)


def test_a_word_that_spells_a_special_token_is_text(made: WordPiece) -> None:
    for token in SPECIAL_TOKENS:
        assert not {VOCAB[token] for token in SPECIAL_TOKENS if token != "[UNK]"} & set(made.encode_word(token))


@given(st.text(min_size=1, max_size=20).filter(lambda word: not any("\ud800" <= c <= "\udfff" for c in word)))
def test_no_word_is_without_a_token(word: str) -> None:
    assert WordPiece(VOCAB).encode_word(word)


def test_what_normalising_leaves_nothing_of_is_unknown(made: WordPiece) -> None:
    assert made.encode_word("\u0000") == made.encode_word("\u200b") == (VOCAB["[UNK]"],)
    with pytest.raises(DocexpError, match="half a surrogate pair"):
        made.encode_word("\ud800")


def test_every_layout_of_the_hub_has_one_checksum(made: WordPiece, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made.save(tmp_path / "own")
    AutoTokenizer.from_pretrained(tmp_path / "own").save_pretrained(tmp_path / "theirs")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCAB))
    for folder in ("own", "theirs", "old"):
        loaded = load_tokenizer(str(tmp_path / folder))
        assert loaded.checksum == made.checksum, folder
        assert [loaded.encode_word(word) for word in WORDS] == [made.encode_word(word) for word in WORDS]
    assert pickle.loads(pickle.dumps(made)).checksum == made.checksum
    (tmp_path / "old" / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    cased = load_tokenizer(str(tmp_path / "old"))
    assert cased.checksum == WordPiece(VOCAB, lowercase=False).checksum != made.checksum
    assert (made.pad_id, made.bos_id, made.eos_id, made.vocab_size) == (0, 2, 3, len(VOCAB))


def test_what_would_give_other_ids_is_refused(made: WordPiece, tmp_path: Path) -> None:
    made.save(tmp_path)
    record = json.loads((tmp_path / "tokenizer.json").read_text())
    cases = {
        "changes texts by Lowercase": {"normalizer": {"type": "Lowercase"}},
        "changes texts by None": {"normalizer": None},
        "max_input_chars_per_word=20": {"model": {**record["model"], "max_input_chars_per_word": 20}},
        "continuing_subword_prefix=@@": {"model": {**record["model"], "continuing_subword_prefix": "@@"}},
        "WordPiece behind Whitespace; docexp reads": {"pre_tokenizer": {"type": "Whitespace"}},
        r"does not know: \[ENT\]": {"added_tokens": [{"content": "[ENT]", "id": 99}]},
    }
    for message, changes in cases.items():
        with pytest.raises(DocexpError, match=message):
            read_tokenizer_json({**record, **changes})
    with pytest.raises(DocexpError, match=r"a tokenizer of 1 tokens without \[PAD\], \[UNK\]"):
        WordPiece({"a": 0})
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "vocab.txt").write_text("\n".join([*VOCAB, "a"]))
    with pytest.raises(DocexpError, match=r"vocab\.txt: 1 of its \d+ lines repeat another"):
        load_tokenizer(str(tmp_path))
