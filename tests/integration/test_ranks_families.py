"""Every family on one process and on two under plain DDP: no parameter without a gradient, and the same losses."""

import pytest

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read

TRANSFORMER = [
    "model.layers=1",
    "model.heads=2",
    "model.hidden_size=24",
    "model.ffn_size=32",
    "model.tokenizer=data:300",
    "model.dropout=0",
    "model.attention_dropout=0",
    "task.head_dropout=0",
]
VISUAL = [
    "model.coordinate_size=4",
    "model.shape_size=4",
    "model.image_size=32",
    "model.visual_stem=4",
    "model.visual_width=8",
    "model.visual_channels=8",
    "model.visual_groups=2",
    "model.visual_group_width=2",
]
RUN = [
    "hardware.threads=1",
    "data.workers=0",
    "optim=sgd",
    "optim.lr=0.1",
    "trainer.max_steps=3",
    "trainer.global_batch=8",
    "trainer.log_every=1",
]
FAMILIES = {
    "layoutlm": ["model=layoutlm_tiny"],
    "layoutlmv2": ["model=layoutlmv2_tiny", *VISUAL],
    "layoutlmv2 as published": ["model=layoutlmv2_tiny", *VISUAL, "model.visual_freeze_at=2"],
    "layoutxlm": ["model=layoutxlm_tiny", *VISUAL],
}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_one_process_equals_two_ranks(cli, tmp_path, family: str) -> None:
    ways = {"one": [], "two": ["hardware.devices=2", "hardware.micro_batch=4"]}
    words = [*FAMILIES[family], *TRANSFORMER, *RUN]
    losses = {}
    started = {name: cli("train", *words, *way, runs=name) for name, way in ways.items()}
    for name, process in started.items():
        status, output = process.wait()
        assert status == 0, output
        (run,) = all_runs(tmp_path / name)
        losses[name] = [line["loss"] for line in comparable(read(run.metrics)) if "loss" in line]
    assert len(losses["one"]) == 3
    assert losses["two"] == pytest.approx(losses["one"], rel=2e-5)
