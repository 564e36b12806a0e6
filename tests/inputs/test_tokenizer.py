"""The tokenizer as an artefact."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from docexp.errors import DocexpError
from docexp.inputs import tokenizer as module
from docexp.inputs.byte_level_bpe import ByteLevelBPE
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS
from docexp.inputs.tokenizer import load_tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer

PAGES = [["Total", "amount", "BRAND SMOKER", "amount:", "of"], ["Total", "naïve", "日本語", "amount", "smoker"]] * 3
WORDS = [
    "Total",
    "BRAND SMOKER",
    "ends ",
    " begins",
    "two  spaces",
    "naïve",
    "日本",
    "a\u200bb",
    "\u00a0",
    "ﬁ",
    "🙂",
    "x" * 40,
]


@pytest.fixture(scope="module")
def trained() -> ByteLevelBPE:
    return train_tokenizer(PAGES, 300)


@pytest.fixture(scope="module")
def folder(trained: ByteLevelBPE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    trained.save(path)
    return path


def test_every_word_gives_the_ids_of_transformers(trained: ByteLevelBPE, folder: Path):
    from transformers import LayoutLMv3Tokenizer

    stock = LayoutLMv3Tokenizer.from_pretrained(folder)
    assert len(stock) == trained.vocab_size
    encoded = stock(WORDS, boxes=[[0, 0, 0, 0]] * len(WORDS))
    ids = [token for word in WORDS for token in trained.encode_word(word)]
    assert encoded.input_ids == [trained.bos_id, *ids, trained.eos_id]
    assert stock.pad_token_id == trained.pad_id


def test_a_word_that_spells_a_special_token_is_text(trained: ByteLevelBPE):
    for word in SPECIAL_TOKENS:
        ids = trained.encode_word(word)
        assert len(ids) > 1 and not {trained.vocab[token] for token in SPECIAL_TOKENS} & set(ids)


def test_both_layouts_of_the_hub_have_one_checksum(trained: ByteLevelBPE, folder: Path, tmp_path: Path):
    (tmp_path / "vocab.json").write_text(json.dumps(dict(trained.vocab)))
    merges = [f"{left} {right}" for left, right in trained.merges]
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    loaded = [load_tokenizer(str(folder)), load_tokenizer(str(tmp_path)), pickle.loads(pickle.dumps(trained))]
    for other in loaded:
        assert other.checksum == trained.checksum
        assert [other.encode_word(word) for word in WORDS] == [trained.encode_word(word) for word in WORDS]
    assert ByteLevelBPE(trained.vocab, trained.merges[:-1]).checksum != trained.checksum


def test_what_transformers_saves_is_read_again(trained: ByteLevelBPE, folder: Path, tmp_path: Path):
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path)).checksum == trained.checksum


def test_a_pickle_carries_no_remembered_words(trained: ByteLevelBPE):
    before = len(pickle.dumps(trained))
    for number in range(1000):
        trained.encode_word(f"word{number}")
    assert len(pickle.dumps(trained)) == before


def test_the_memory_of_words_is_bounded(trained: ByteLevelBPE, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CACHED_WORDS", 10)
    copy = ByteLevelBPE(trained.vocab, trained.merges)
    for number in range(100):
        copy.encode_word(f"word{number}")
    assert copy.encode_word.cache_info().currsize == 10  # pyright: ignore[reportFunctionMemberAccess]


def test_half_a_surrogate_pair_is_no_text(trained: ByteLevelBPE):
    with pytest.raises(DocexpError, match=r"the word 'a\\ud800' holds half a surrogate pair"):
        trained.encode_word("a\ud800")


def broken(folder: Path, **changes: object) -> dict:
    record = json.loads((folder / "tokenizer.json").read_text())
    for name, change in changes.items():
        record[name] = {**record[name], **change} if isinstance(change, dict) and record[name] else change
    return record


def test_another_kind_of_tokenizer_is_refused(folder: Path, tmp_path: Path, trained: ByteLevelBPE):
    few = {token: number for number, token in enumerate([*SPECIAL_TOKENS, "a"])}
    unmasked = {token: number for token, number in trained.vocab.items() if token != "<mask>"}
    alien = [{"content": "[ENT]", "id": 400}]
    cases = {
        "is no tokenizer file": {"nothing": 1},
        "its model is WordPiece behind ByteLevel": broken(folder, model={"type": "WordPiece"}),
        "its model is BPE behind Whitespace": broken(folder, pre_tokenizer={"type": "Whitespace"}),
        r"changes texts first \(Lowercase\)": broken(folder, normalizer={"type": "Lowercase"}),
        r"does not know: \[ENT\]": broken(folder, added_tokens=alien),
        "255 of the 256 byte tokens are missing": broken(folder, model={"vocab": few, "merges": []}),
        "tokens without <mask>": broken(folder, model={"vocab": unmasked}, added_tokens=[]),
    }
    for message, record in cases.items():
        (tmp_path / "tokenizer.json").write_text(json.dumps(record))
        with pytest.raises(DocexpError, match=rf"tokenizer\.json.*{message}"):
            load_tokenizer(str(tmp_path))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path, trained: ByteLevelBPE):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(DocexpError, match=r"has no tokenizer\.json, no vocab\.txt, and no vocab\.json either"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "vocab.json").write_text(json.dumps(dict(trained.vocab)))
    with pytest.raises(DocexpError, match=r"has vocab\.json, but no merges\.txt beside it"):
        load_tokenizer(str(tmp_path))


def test_merges_of_another_vocabulary_are_refused(trained: ByteLevelBPE):
    with pytest.raises(DocexpError, match="do not belong together"):
        ByteLevelBPE(trained.vocab, (("zz", "qq"),)).encode_word("a")


def test_tokenizing_needs_neither_torch_nor_transformers():
    code = (
        "import sys, docexp.inputs.tokenizer, docexp.inputs.train_tokenizer, docexp.inputs.windows, docexp.tasks.tags"
    )
    check = "assert not {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"{code}; {check}"], check=True)
