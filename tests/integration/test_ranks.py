"""The same run on one process and on two, whole and in micro-batches, DDP and ZeRO-2: same samples, losses, scores."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result, read_predictions

PLAN = [
    "optim=sgd",
    "optim.lr=0.5",
    "model.dropout=0",
    "model.attention_dropout=0",
    "task.head_dropout=0",
    "trainer.max_steps=5",
    "trainer.global_batch=8",
    "trainer.clip_norm=0.5",
    "trainer.log_every=1",
    "trainer.validate_every=2",
    "trainer.selection=best_minival",
    "data.pad_to_multiple=16",
]

ZERO2 = ["hardware=deepspeed_zero2", "hardware.accelerator=cpu", "hardware.devices=2"]


def finished(runs: Path) -> tuple[dict, list, Result, dict]:
    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    result = Result.read(run.result)
    predictions = {line["key"]: line for line in read_predictions(run.path / result.evaluation)}
    return load_file(last / "model.safetensors"), comparable(read(run.metrics)), result, predictions


def tokens(runs: Path) -> list[float]:
    """Per sample of every step, whatever time it took."""
    (run,) = all_runs(runs)
    return [line["tokens_per_second"] / line["samples_per_second"] for line in read(run.metrics) if "loss" in line]


def test_one_process_equals_two_ranks_with_two_micro_batches(train, tmp_path) -> None:
    """SGD and clipping, because AdamW hides a wrong scale; 22 pages in batches of 8, so the third is short."""
    ways = {
        "one": [],
        "accumulated": ["hardware.micro_batch=2"],
        "two": ["hardware.devices=2", "hardware.micro_batch=2"],
        "zero2": [*ZERO2, "hardware.precision=fp32", "hardware.micro_batch=2"],
    }
    for started in [train(*PLAN, *words, runs=name) for name, words in ways.items()]:
        status, output = started.wait()
        assert status == 0, output
    weights, metrics, result, predictions = finished(tmp_path / "one")
    counted = tokens(tmp_path / "one")
    assert len(counted) == 5
    for name in list(ways)[1:]:
        other_weights, other_metrics, other_result, other_predictions = finished(tmp_path / name)
        assert other_result.identity == result.identity
        np.testing.assert_allclose(tokens(tmp_path / name), counted, rtol=1e-9)
        for line, other in zip(metrics, other_metrics, strict=True):
            assert other.keys() == line.keys()
            np.testing.assert_allclose(other.get("loss", 0), line.get("loss", 0), rtol=2e-5)
        for key, value in weights.items():
            np.testing.assert_allclose(other_weights[key], value, rtol=1e-3, atol=2e-5, err_msg=key)
        assert other_predictions.keys() == predictions.keys()
        assert other_result.metrics == result.metrics


def test_pretraining_on_two_ranks_hides_and_loses_the_same(train, tmp_path) -> None:
    """Each objective has a count of its own over ranks and micro-batches."""
    own = [word for word in PLAN if not word.startswith("task.")]
    words = [
        *own,
        "task=pretraining",
        "objective=[mlm,mim,wpa]",
        "objective.mim.target=pixels",
        "objective.mim.smallest=1",
    ]
    words.append("objective.mlm.weight=2")
    ways = {"one": [], "two": ["hardware.devices=2", "hardware.micro_batch=2", "data.workers=1"]}
    for started in [train(*words, *way, runs=name) for name, way in ways.items()]:
        status, output = started.wait()
        assert status == 0, output
    _, metrics, result, predictions = finished(tmp_path / "one")
    _, other_metrics, other_result, other_predictions = finished(tmp_path / "two")
    for line, other in zip(metrics, other_metrics, strict=True):
        assert other.keys() == line.keys()
        for name, value in line.items():
            np.testing.assert_allclose(other[name], value, rtol=2e-4, atol=1e-6, err_msg=name)
        if "loss" in line:
            assert other["mlm/targets"] == line["mlm/targets"] and other["wpa/targets"] == line["wpa/targets"]
            whole = 2 * line["mlm/loss"] + line["mim/loss"] + line["wpa/loss"]
            np.testing.assert_allclose(line["loss"], whole, rtol=1e-5)
    assert {key: line["reference"] for key, line in other_predictions.items()} == {
        key: line["reference"] for key, line in predictions.items()
    }
    np.testing.assert_allclose(other_result.value, result.value, atol=1e-3)


def test_a_run_goes_on_in_other_micro_batches(train, tmp_path) -> None:
    """Killed in the fourth step's first of two micro-batches, after a checkpoint of the second step."""
    from functools import partial

    assert train(*PLAN, runs="undisturbed").wait()[0] == 0
    killed = train(*PLAN, "hardware.micro_batch=4", runs="killed", before=partial(die_in_micro_batch, 7))
    assert killed.wait()[0] == -9
    status, output = train(*PLAN, "hardware.micro_batch=2", runs="killed").wait()
    assert status == 0, output
    assert "resumed at step 2" in output
    weights, metrics, result, _ = finished(tmp_path / "undisturbed")
    other_weights, other_metrics, other_result, _ = finished(tmp_path / "killed")
    assert [line["step"] for line in other_metrics] == [line["step"] for line in metrics]
    for line, other in zip(metrics, other_metrics, strict=True):
        np.testing.assert_allclose(other.get("loss", 0), line.get("loss", 0), rtol=2e-5)
    for key, value in weights.items():
        np.testing.assert_allclose(other_weights[key], value, rtol=1e-3, atol=2e-5, err_msg=key)
    assert other_result.metrics == result.metrics


def die_in_micro_batch(call: int) -> None:
    import os
    import signal

    from docexp.training.module import RunModule

    original, calls = RunModule.training_step, [0]

    def step(self, batch, batch_index):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, batch, batch_index)

    RunModule.training_step = step


def test_a_micro_batch_mean_would_have_been_noticed(train, tmp_path) -> None:
    """The loss as a mean of micro-batch means differs on ragged pages: the test above can fail."""
    from functools import partial

    wrong = train(*PLAN, "hardware.micro_batch=2", runs="wrong", before=partial(mean_of_means))
    right = train(*PLAN, runs="right")
    assert wrong.wait()[0] == right.wait()[0] == 0
    losses = [[line["loss"] for line in finished(tmp_path / name)[1] if "loss" in line] for name in ("wrong", "right")]
    assert not np.allclose(losses[0], losses[1], rtol=2e-5)


def mean_of_means() -> None:
    import torch

    from docexp.inputs.sample import IGNORED
    from docexp.training import module

    def counts_of_micro_batch(step_counts, device):
        return {name: torch.tensor(float(count)) for name, count in step_counts.items()}

    original = module.RunModule.training_step

    def step(self, batch, batch_index):
        batch.step_counts = {n: float((t != IGNORED).sum()) * 4 for n, t in batch.targets.items()}
        micro, batch.micro_batch = batch.micro_batch, 0
        loss = original(self, batch, batch_index)
        batch.micro_batch = micro
        return loss

    module.global_counts = counts_of_micro_batch
    module.RunModule.training_step = step
