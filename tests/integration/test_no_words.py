"""Models that read no words: from shards to patches without a tokenizer, and weights whose tokenizer says nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.schema import RunSettings
from docexp.errors import DocexpError
from docexp.inputs.collate import collate
from docexp.inputs.no_words import NoWords
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.models.dit import DiTSettings
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.runs import resolve as module
from docexp.runs.folder import RunFolder
from docexp.runs.resolve import resolve
from docexp.runs.upstream import Upstream
from docexp.training.build import build_maker, load_first_weights

torch.set_num_threads(1)

SIZES = {"layers": 1, "heads": 2, "hidden_size": 24, "ffn_size": 32, "image_size": 32}
DIT = DiTSettings(**SIZES)
BLIND = LayoutLMv3Settings(**SIZES, coordinate_size=4, shape_size=4, text=False)


@pytest.fixture
def settings(shards: Path, tmp_path: Path) -> Callable[[Any], RunSettings]:
    """``settings(model)``: a run of this model on the small shards, whatever its task needs."""
    words = [f"data.shards={shards / 'synthetic_forms'}", f"paths.runs={tmp_path / 'runs'}"]
    checked = check(compose(words))
    return lambda model: replace(checked, model=model)


@pytest.mark.parametrize("model", [DIT, BLIND, replace(BLIND, tokenizer="data:300")], ids=["dit", "v3", "v3 of words"])
def test_from_shards_to_patches_without_a_tokenizer(
    settings: Callable[[Any], RunSettings], shards: Path, model: Any
) -> None:
    before = set((shards / "synthetic_forms").iterdir())
    run = resolve(settings(model))
    assert isinstance(run.tokenizer, NoWords)
    assert set((shards / "synthetic_forms").iterdir()) == before, "a tokenizer was trained for nobody"
    maker = build_maker(run, run.corpora)
    batch = collate([maker.training(row, 0) for row in range(3)], run.tokenizer.pad_id)
    assert batch.rows == 3
    backbone = model.build(run.tokenizer.vocab_size, run.tokenizer.pad_id)
    assert backbone(batch).patches.shape == (3, 4, 24)


def test_weights_of_a_model_of_words_are_taken_whatever_their_tokenizer(
    settings: Callable[[Any], RunSettings], tmp_path: Path
) -> None:
    tokenizer = train_tokenizer([["Total", "amount"]] * 9, 300)
    reading = replace(BLIND, text=True).build(tokenizer.vocab_size, tokenizer.pad_id)
    reading.layoutlmv3.save_pretrained(tmp_path / "weights")
    tokenizer.save(tmp_path / "weights")
    run = resolve(settings(replace(BLIND, weights=str(tmp_path / "weights"))))
    blind = BLIND.build(run.tokenizer.vocab_size, run.tokenizer.pad_id)
    report = load_first_weights(run, blind)
    assert report is not None and report.loaded == len(blind.state_dict()) and not report.missing
    assert all(torch.equal(tensor, reading.state_dict()[name]) for name, tensor in blind.state_dict().items())


def test_a_model_of_words_cannot_start_from_a_run_without_any(
    settings: Callable[[Any], RunSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "0123456789ab")
    NoWords().save(folder.tokenizer)
    monkeypatch.setattr(module, "upstream_of", lambda *_: Upstream({}, folder, "last"))
    with pytest.raises(DocexpError, match="run 0123456789ab read no words, so it has no tokenizer"):
        resolve(settings(replace(BLIND, text=True, weights="run:0123")))
    assert isinstance(resolve(settings(replace(BLIND, weights="run:0123"))).tokenizer, NoWords)
