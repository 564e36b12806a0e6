"""Pretraining and what comes after it, as typed: scored again, compared, and the start of a fine-tuning run."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.inputs.tokenizer import load_tokenizer
from docexp.runs.find import all_runs, find
from docexp.runs.folder import RunFolder
from docexp.runs.resolve import resolve
from docexp.runs.result import Result
from docexp.training.build import BACKBONE, build_module, load_first_weights

WORDS = [
    "task=pretraining",
    "objective=[mlm,mim,wpa]",
    "objective.mim.target=pixels",
    "objective.mim.smallest=1",
    "trainer.max_steps=3",
    "trainer.global_batch=4",
]


@dataclass
class Pretrained:
    """A pretraining run, and what it printed."""

    run: RunFolder
    output: str

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return load_file(self.run.checkpoints / "step-000003" / "model.safetensors")


@pytest.fixture
def pretrained(train, tmp_path: Path) -> Pretrained:
    status, output = train(*WORDS).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    return Pretrained(run, output)


def score_lines(output: str) -> list[str]:
    return [line[line.index("skill ") :].strip() for line in output.splitlines() if "skill " in line]


def test_evaluate_repeats_the_runs_score(pretrained: Pretrained, cli) -> None:
    result = Result.read(pretrained.run.result)
    (said,) = score_lines(pretrained.output)
    assert all(f"{name} loss" in said for name in ("mlm", "mim", "wpa"))
    status, output = cli("evaluate", pretrained.run.identity).wait()
    assert status == 0, output
    assert score_lines(output) == [said]
    assert result.evaluation in output  # the same checkpoint, data and protocol: the same folder
    assert len(list(pretrained.run.evaluations.iterdir())) == 1 and Result.read(pretrained.run.result) == result
    status, output = cli("evaluate", pretrained.run.identity, "split=validation").wait()
    assert status == 0, output
    assert score_lines(output) != [said] and len(list(pretrained.run.evaluations.iterdir())) == 2


def test_fine_tuning_begins_with_the_runs_backbone_and_its_tokenizer(
    pretrained: Pretrained, train, small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: Path
) -> None:
    monkeypatch.setenv("DOCEXP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("DOCEXP_SHARDS", str(shards))
    weights = [f"model.weights=run:{pretrained.run.identity}"]
    words = [word for word in small if not word.startswith("model.tokenizer=")] + weights
    fine = resolve(check(compose([*words, "seed=1"])))
    module = build_module(fine)
    drawn = {name: tensor.clone() for name, tensor in module.backbone.state_dict().items()}
    report = load_first_weights(fine, module.backbone)
    assert report is not None
    found = {f"{BACKBONE}{name}": tensor for name, tensor in module.backbone.state_dict().items()}
    expected = {name: tensor for name, tensor in pretrained.weights.items() if name.startswith(BACKBONE)}
    assert found.keys() >= expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)
    assert {name.removeprefix(BACKBONE) for name in expected} >= {
        name for name, _ in module.backbone.named_parameters()
    }
    changed = [name for name in drawn if not torch.equal(drawn[name], found[f"{BACKBONE}{name}"])]
    assert len(changed) > len(drawn) // 2  # what was drawn is gone
    assert fine.tokenizer.checksum == load_tokenizer(str(pretrained.run.tokenizer)).checksum
    assert any("mask_token" in name for name in pretrained.weights)
    assert not any("mask_token" in name or "objectives" in name for name in module.state_dict())
    status, output = train(*weights, "seed=1", "trainer.max_steps=1", "trainer.global_batch=4").wait()
    assert status == 0, output
    total = len(expected)
    assert f"weights from run {pretrained.run.identity}, step-000003: {total} of {total} tensors loaded" in output
    assert f"ignored: {len(pretrained.weights) - total} heads (task.objectives." in output
    tuned = find("seed=1", tmp_path / "runs")
    assert (tuned.tokenizer / "tokenizer.json").read_bytes() == (
        pretrained.run.tokenizer / "tokenizer.json"
    ).read_bytes()


def test_two_pretraining_runs_side_by_side(pretrained: Pretrained, train, cli, tmp_path: Path) -> None:
    status, output = train(*WORDS, "objective.mlm.ratio=0.5").wait()
    assert status == 0, output
    other = find("objective.mlm.ratio=0.5", tmp_path / "runs")
    pair = [pretrained.run, other]
    assert cli("compare", *(run.identity for run in pair)).wait()[0] == 0
    status, output = cli("compare", *(run.identity for run in pair), "--json").wait()
    assert status == 0, output
    rows = json.loads(output)["rows"]
    assert [row["settings"]["objective.mlm.ratio"] for row in rows] == [0.3, 0.5]
    assert [row["n"] for row in rows] == [1, 1] and rows[1]["difference"] is not None


def test_the_mean_skill_of_other_objectives_is_another_score(
    pretrained: Pretrained, train, cli, tmp_path: Path
) -> None:
    status, output = train("task=pretraining", "objective=[mlm]", "trainer.max_steps=1").wait()
    assert status == 0, output
    (other,) = (run for run in all_runs(tmp_path / "runs") if run.identity != pretrained.run.identity)
    status, output = cli("compare", pretrained.run.identity, other.identity, "--json").wait()
    assert status == 0, output
    rows = json.loads(output)["rows"]
    assert [row["metric"] for row in rows] == ["skill(mim,mlm,wpa)", "skill(mlm)"] and rows[1]["difference"] is None
    assert all("tokens, " in row["protocol"]["tokenizer"] for row in rows)
