"""An image tokenizer trained by a run: resumed exactly, shown in a picture, and usable by the run's identity."""

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from docexp.objectives.image_tokenizer.loading import load_image_tokenizer
from docexp.runs.find import all_runs
from docexp.runs.folder import RunFolder

WORDS = [
    "train",
    "experiment=pretrain/image_tokenizer_tiny",
    "model.vocabulary=16",
    "model.hidden_dim=4",
    "model.image_size=32",
    "trainer.max_steps=104",
    "trainer.global_batch=1",
    "trainer.validate_every=0",
    "trainer.checkpoint_every=50",
    "hardware.threads=1",
    "data.workers=0",
]
"""The temperature falls once, in step 100, which is trained after the death and the resumption."""


def die_in_step_60() -> None:
    from docexp.training.module import RunModule

    original = RunModule.training_step

    def dying(self: Any, batch: Any, batch_index: int) -> Any:
        if self.trainer.global_step == 60:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, batch, batch_index)

    RunModule.training_step = dying


def note_temperatures() -> None:
    from docexp.training.module import RunModule

    original = RunModule.training_step

    def noting(self: Any, batch: Any, batch_index: int) -> Any:
        loss = original(self, batch, batch_index)
        with Path("temperatures").open("a") as opened:
            opened.write(f"{self.backbone.temperature}\n")
        return loss

    RunModule.training_step = noting


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.checkpoints / (run.checkpoints / "last").read_text().strip() / "model.safetensors")


@pytest.mark.slow
def test_killed_and_resumed_it_ends_as_undisturbed_and_serves_by_its_identity(cli, tmp_path: Path) -> None:
    status, output = cli(*WORDS, runs="whole", before=note_temperatures).wait()
    assert status == 0, output
    temperatures = [float(line) for line in (tmp_path / "temperatures").read_text().splitlines()]
    assert temperatures == pytest.approx([1.0] * 100 + [math.exp(-0.5)] * 4)  # anneal_rate 5e-3
    assert cli(*WORDS, runs="killed", before=die_in_step_60).wait()[0] == -9
    status, output = cli(*WORDS, runs="killed").wait()
    assert status == 0, output
    assert "resumed at step 50" in output
    (whole,), (killed,) = all_runs(tmp_path / "whole"), all_runs(tmp_path / "killed")
    expected, found = weights_of(whole), weights_of(killed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert list(whole.path.glob("evaluations/*/reconstructions.png"))
    tokenizer = load_image_tokenizer(f"run:{whole.identity}", tmp_path / "whole")
    assert (tokenizer.vocabulary, tokenizer.factor) == (16, 8)
    assert torch.equal(tokenizer.network.codebook.weight, expected["backbone.vae.codebook.weight"])
