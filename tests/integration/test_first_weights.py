"""Runs that start from folders of weights, as others publish them, and from wrong ones."""

from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import RobertaConfig, RobertaForMaskedLM

from docexp.inputs.byte_level_bpe import ByteLevelBPE
from docexp.inputs.roberta_tokens import SPECIAL_TOKENS

QUICK = ["trainer.max_steps=2", "trainer.global_batch=2", "model.tokenizer=null", "model.max_tokens=64"]
QUICK += ["data.window_stride=8", "debug.pages=2"]


def roberta(folder: Path, more: tuple[str, ...] = (), **changes: int) -> Path:
    """A RoBERTa of the small model's size with a tokenizer of bytes, licensed."""
    tokens = [*SPECIAL_TOKENS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *more]
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    sizes |= {"vocab_size": len(tokens), "max_position_embeddings": 66, "type_vocab_size": 1, **changes}
    RobertaForMaskedLM(RobertaConfig(layer_norm_eps=1e-5, **sizes)).save_pretrained(folder)
    ByteLevelBPE({token: number for number, token in enumerate(tokens)}, ()).save(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


def test_a_run_from_a_text_model_says_what_it_took_and_on_which_terms(train, tmp_path: Path) -> None:
    folder = roberta(tmp_path / "roberta")
    status, output = train(*QUICK, f"model.weights={folder}", "model.freeze=[encoder.layer.0]").wait()
    assert status == 0, output
    assert f"weights from {folder}: 21 of 36 tensors loaded; as drawn: 15 missing (" in output
    assert "licence of these weights: mit" in output


def test_weights_that_are_wrong(train, tmp_path: Path) -> None:
    larger = roberta(tmp_path / "larger", hidden_size=48)
    pickled = roberta(tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    other = roberta(tmp_path / "other", more=("ab",))
    cases = {
        f"model.weights={larger}": ["was made with hidden_size=48", "this model has hidden_size=24"],
        f"model.weights={pickled}": ["pytorch_model.bin is a pickle", "weights_only=True"],
        f"model.weights={roberta(tmp_path / 'good')} model.tokenizer={other}": [
            "the tokenizer is not the one that came with",
            "id 261 is 'ab' here and None there",
        ],
        f"model.weights={tmp_path / 'good'} model.freeze=[encoder.layers.0]": [
            "model.freeze: encoder.layers.0 matches none",
            "Nearest: encoder.layer.0.",
        ],
    }
    started = [(train(*QUICK, *words.split()), told) for words, told in cases.items()]
    for process, told in started:
        status, output = process.wait()
        assert status == 2, output
        assert all(text in output for text in told), output
        assert "Traceback" not in output and len(output.strip().splitlines()) <= 4, output


def test_the_encoder_of_a_text_model_under_another_tokenizer(train, tmp_path: Path) -> None:
    """With more tokens the table grows when asked; one trained here gives other ids, so the table has to be named."""
    folder = roberta(tmp_path / "roberta")
    words = [*QUICK, f"model.weights={folder}", "model.tokenizer=data:300"]
    more = f"model.tokenizer={roberta(tmp_path / 'more', more=('ab',))}"
    extended = train(*words[:-1], more, "model.resize_vocabulary=true")
    refused, done = train(*words), train(*words, "model.allow_missing=[embeddings.word_embeddings]")
    status, output = refused.wait()
    assert status == 2 and "model.allow_missing=[embeddings.word_embeddings.weight]" in output
    status, output = done.wait()
    assert status == 0, output
    assert "20 of 36 tensors loaded; as drawn: 16 missing (" in output and "embeddings.word_embeddings.weight" in output
    status, output = extended.wait()
    assert status == 0, output
    assert "embeddings.word_embeddings.weight extended from 261 to 262 tokens" in output
