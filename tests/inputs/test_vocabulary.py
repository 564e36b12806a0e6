"""A tokenizer beside the one that came with the weights."""

from pathlib import Path

from tokenizers import pre_tokenizers

from docexp.inputs.byte_level_bpe import ByteLevelBPE
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS
from docexp.inputs.vocabulary import vocabulary_fault


def made(more: list[str]) -> ByteLevelBPE:
    tokens = [*SPECIAL_TOKENS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *more]
    return ByteLevelBPE({token: number for number, token in enumerate(tokens)}, ())


def test_the_same_tokens_are_no_fault_and_a_folder_without_a_tokenizer_says_nothing(tmp_path: Path) -> None:
    made(["ab", "cd"]).save(tmp_path / "model")
    assert vocabulary_fault(made(["ab", "cd"]), str(tmp_path / "model"), resize=False) == ""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.json").write_text("{}")
    assert vocabulary_fault(made([]), str(tmp_path / "bare"), resize=False) == ""


def test_tokens_of_the_same_number_but_other_meaning_are_a_fault(tmp_path: Path) -> None:
    made(["ab", "cd"]).save(tmp_path)
    for resize in (False, True):
        fault = vocabulary_fault(made(["cd", "ab"]), str(tmp_path), resize)
        assert "2 of 263 ids differ, id 261 is 'cd' here and 'ab' there. Leave model.tokenizer unset" in fault


def test_more_tokens_behind_the_last_are_a_fault_unless_asked_for(tmp_path: Path) -> None:
    made(["ab"]).save(tmp_path)
    for more in (["ab", "cd"], []):
        fault = vocabulary_fault(made(more), str(tmp_path), resize=False)
        assert "model.resize_vocabulary=true if one of them only has more tokens" in fault
        assert vocabulary_fault(made(more), str(tmp_path), resize=True) == ""
