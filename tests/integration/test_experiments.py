"""Every shipped experiment runs one batch on a CPU in a tiny flavour."""

from pathlib import Path

import pytest

from docexp.config.project import Project

SIZES = ["layers=1", "heads=2", "hidden_size=24", "ffn_size=32"]
BOXES = ["coordinate_size=4", "shape_size=4"]
SMALL = {
    "layoutlm": [*SIZES, "tokenizer=data:300"],
    "layoutlmv2": [*SIZES, "tokenizer=data:300", "image_size=64", *BOXES],
    "layoutlmv3": [*SIZES, "tokenizer=data:300", "image_size=32", *BOXES],
    "layoutxlm": [*SIZES, "tokenizer=data:300", "image_size=64", *BOXES],
    "dit": [*SIZES, "image_size=32"],
    "image_tokenizer": ["vocabulary=32", "codebook_dim=8", "hidden_dim=8", "image_size=32"],
}
"""What makes a family's tiny flavour so small that a step takes milliseconds."""

CHOICES = Project().choices("experiment")
PRETRAINING = [choice for choice in CHOICES if choice.startswith("pretrain/")]


@pytest.mark.parametrize("experiment", [choice for choice in CHOICES if choice not in PRETRAINING])
def test_one_batch(experiment: str, train, shards: Path) -> None:
    words = [f"experiment={experiment}", "model=layoutlmv3_tiny", "debug=one_batch"]
    words += ["data.labels=[header,question,answer]", "data.outside_labels=[other]"]
    status, output = train(*words, f"data.shards={shards / 'synthetic_forms'}", "trainer.global_batch=2").wait()
    assert status == 0, output
    assert "1 steps of 2 pages" in output


@pytest.mark.parametrize("experiment", PRETRAINING)
def test_one_batch_of_pretraining(experiment: str, cli, shards: Path) -> None:
    name = experiment.removeprefix("pretrain/")
    family = next(family for family in SMALL if name in (family, f"{family}_{name.rpartition('_')[2]}"))
    words = [f"experiment={experiment}", f"model={family}_tiny", "debug=one_batch", "trainer.global_batch=2"]
    words += [f"model.{size}" for size in SMALL[family]]
    words += [f"data.shards={shards / 'synthetic_forms'}", "hardware.threads=1"]
    if not experiment.endswith("_tiny"):
        words += [] if family in ("dit", "image_tokenizer") else ["model.weights=null"]
        words += ["objective.mim.target=pixels"] if family in ("layoutlmv3", "dit") else []
    status, output = cli("train", *words).wait()
    assert status == 0, output
    assert "1 steps of 2 pages" in output and "skill" in output
