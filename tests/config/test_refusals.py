"""Misspelt, mistyped and contradictory command lines: each is refused with the key, its source and a right hint."""

import pytest

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.errors import DocexpError

REFUSED = [
    ("trainer.max_step=5", ["trainer.max_step is no setting of trainer", "Nearest: trainer.max_steps."]),
    ("++trainer.max_step=5", ["command line", "Nearest: trainer.max_steps."]),
    ("+trainer.maxsteps=5", ["Nearest: trainer.max_steps."]),
    ("trainer.max_steps=many", ["trainer.max_steps", "command line", "must be a whole number, at least 1"]),
    ("trainer.max_steps=1.5", ["trainer.max_steps", "must be a whole number"]),
    ("trainer.max_steps=null", ["trainer.max_steps=null", "must be a whole number"]),
    ("trainer.max_steps=0", ["trainer.max_steps=0 (command line) must be at least 1"]),
    ("trainer.selection=best", ["best_minival", "best_test"]),
    ("trainer.selection=best_test", ["validate_every"]),
    ("optim.lr=-1", ["optim.lr=-1.0 (command line) must be above 0"]),
    ("optim.lr=fast", ["optim.lr=fast (command line) must be a number, above 0"]),
    ("optim.schedule=lineer", ["Nearest: linear."]),
    ("optim.betas=[0.9]", ["betas", "two numbers"]),
    ("optim.warmup_fraction=2", ["between 0 and 1"]),
    ("data.box_level=segments", ["Nearest: segment."]),
    ("data.bx_level=word", ["Nearest: data.box_level."]),
    ("data.labels=[header,other]", ["labels and outside_labels both hold other"]),
    ("data=fnsd", ["data=fnsd is no choice", "Nearest: funsd."]),
    ("model=layoutlm3_tiny", ["Nearest: layoutlmv3_tiny."]),
    ("model.layrs=3", ["Nearest: model.layers."]),
    ("modle=layoutlmv3_tiny", ["modle is no setting of a run", "Nearest: model."]),
    ("experiment=finetune/fund", ["Nearest: finetune/funsd."]),
    ("experment=finetune/funsd", ["experment is no setting"]),
    ("hardware=gpu8x", ["hardware=gpu8x is no choice", "Nearest: gpu."]),
    ("hardware.precision=fp16", ["fp32, bf16-mixed"]),
    ("hardware.accelerator=tpu", ["cpu, gpu"]),
    ("hardware.micro_batch=3", ["global_batch=8", "no multiple"]),
    ("seed=first", ["seed=first", "whole number"]),
    ("hydra/lancher=local", ["hydra/lancher is no group", "Nearest: hydra/launcher."]),
    ("trainer", ["'trainer' is no override"]),
    ("model._target_=docexp.models.nowhere.Settings", ["model._target_=docexp.models.nowhere.Settings"]),
    ("model._target_=docexp.training.settings.SGDSettings", ["is no ModelSettings"]),
    ("data.reader.no_such=1", ["data.reader.no_such is no setting of data.reader"]),
    ("model.text=false", ["provides patches", "needs text"]),
]


@pytest.mark.parametrize(("word", "parts"), REFUSED, ids=[word for word, _ in REFUSED])
def test_refused_with_a_hint(word: str, parts: list[str]) -> None:
    with pytest.raises(DocexpError) as refused:
        check(compose([word]))
    text = str(refused.value)
    assert len(text.splitlines()) <= 2, text
    for part in parts:
        assert part in text, text


def test_names_the_file_that_holds_the_key(tmp_path) -> None:
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\ntrainer: {max_step: 5}\n")
    with pytest.raises(DocexpError, match=r"mine\.yaml\)\. Nearest: trainer\.max_steps\."):
        check(compose(["experiment=mine"], Project.at(tmp_path)))


def test_a_project_may_not_shadow_a_shipped_name(tmp_path) -> None:
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "funsd.yaml").write_text("name: mine\n")
    with pytest.raises(DocexpError, match="has the name of a shipped configuration"):
        Project.at(tmp_path)


def test_nothing_heavy_is_imported_to_check_a_configuration() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from docexp.config.check import check; from docexp.config.compose import compose;"
        "check(compose([])); print([m for m in ('torch', 'transformers', 'pytorch_lightning') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
