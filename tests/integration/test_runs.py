"""Sweeps, comparisons, evaluations, debug presets, and runs that start from other runs: as typed."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from docexp.runs.find import all_runs, find
from docexp.runs.result import Result

QUICK = ["trainer.max_steps=3", "trainer.global_batch=4"]


def test_a_sweep_runs_what_is_missing_and_compare_shows_it(train, cli, tmp_path: Path) -> None:
    sweep = ["-m", *QUICK, "seed=0,1", "model.layout=true,false", "hydra.launcher.parallel=2"]
    status, output = train(*sweep).wait()
    assert status == 0, output
    assert "4 runs: 0 finished, 4 to run" in output
    assert len(list(all_runs(tmp_path / "runs"))) == 4
    status, output = train(*sweep).wait()
    assert status == 0, output
    assert "4 runs: 4 finished, 0 to run" in output
    status, output = cli("compare", "experiment=custom", "--json").wait()
    assert status == 0, output
    rows = json.loads(output)["rows"]
    assert [row["n"] for row in rows] == [2, 2]
    assert {row["settings"]["model.layout"] for row in rows} == {True, False}
    status, output = cli("compare", "experiment=custom").wait()
    assert "n = 2" in output
    assert "layout" in output


def test_a_sweep_with_a_wrong_job_starts_none(train, tmp_path: Path) -> None:
    status, output = train("-m", *QUICK, "model.heads=2,5").wait()
    assert status == 2
    assert "hidden_size=24 must be a multiple of heads=5" in output
    assert not (tmp_path / "runs").exists()


def test_two_equal_jobs_are_refused(train) -> None:
    status, output = train("-m", *QUICK, "data.workers=0,1").wait()
    assert status == 2
    assert "are the same run" in output


def test_a_run_starts_from_anothers_weights_and_holds_its_identity(train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert train(*QUICK).wait()[0] == 0
    (first,) = all_runs(runs)
    assert train(*QUICK, "seed=1", "optim.lr=1e-12", f"model.weights=run:{first.identity}").wait()[0] == 0
    second = find("seed=1", runs)
    mine, theirs = (load_file(run.checkpoints / "step-000003" / "model.safetensors") for run in (second, first))
    backbone = [name for name in mine if name.startswith("backbone.")]
    assert backbone
    assert all(abs(mine[name] - theirs[name]).max() < 1e-5 for name in backbone)
    # another spelling of the same upstream is the same run
    for spelled in (f"run:{first.identity[:6]}@last", "run:experiment=custom,optim.lr=1e-3,seed=0"):
        status, output = train(*QUICK, "seed=1", "optim.lr=1e-12", f"model.weights={spelled}").wait()
        assert status == 0, output
        assert f"run {second.identity}  finished on" in output
    status, output = train(*QUICK, f"model.weights=run:{first.identity}@best").wait()
    assert status == 2
    assert "has no best checkpoint" in output


def test_a_run_at_another_image_size_takes_the_weights_and_says_what_it_resized(train, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert train(*QUICK).wait()[0] == 0
    (first,) = all_runs(runs)
    words = ["model.image_size=64", "optim.lr=1e-12", f"model.weights=run:{first.identity}"]
    status, output = train(*QUICK, *words).wait()
    assert status == 0, output
    assert re.search(
        rf"weights from run {first.identity}, step-000003: (\d+) of \1 tensors loaded; pos_embed interpolated", output
    )
    weights = load_file(find("model.image_size=64", runs).checkpoints / "step-000003" / "model.safetensors")
    assert weights["backbone.layoutlmv3.pos_embed"].shape == (1, 17, 24)


def test_gradient_checkpointing_and_workers_change_no_number(train, tmp_path: Path) -> None:
    ways = {"plain": [], "other": ["hardware.gradient_checkpointing=true", "data.workers=1"]}
    for started in [train(*QUICK, *words, runs=name) for name, words in ways.items()]:
        status, output = started.wait()
        assert status == 0, output
    plain, other = (next(all_runs(tmp_path / name)) for name in ways)
    assert plain.identity == other.identity
    weights = [(run.checkpoints / "step-000003" / "model.safetensors").read_bytes() for run in (plain, other)]
    assert weights[0] == weights[1]


def test_evaluate_scores_another_split_and_keeps_it(train, cli, tmp_path: Path) -> None:
    assert train(*QUICK).wait()[0] == 0
    (run,) = all_runs(tmp_path / "runs")
    result = Result.read(run.result)
    status, output = cli("evaluate", run.identity[:6]).wait()
    assert status == 0, output
    assert result.evaluation in output  # the same checkpoint, data and protocol: the same folder
    assert "majority baseline" in output
    status, output = cli("evaluate", run.identity, "split=validation", "data.box_level=line").wait()
    assert status == 0, output
    assert "boxes line boxes" in output
    assert len(list(run.evaluations.iterdir())) == 2
    status, output = cli("evaluate", run.identity, "optim.lr=3").wait()
    assert status == 2
    assert "evaluate takes data and hardware" in output
    status, output = cli("evaluate", run.identity, "split=dev").wait()
    assert status == 2
    assert "has no split 'dev'" in output


@pytest.mark.parametrize("preset", ["one_batch", "profile"])
def test_debug_presets_stay_apart_from_real_runs(preset: str, train, tmp_path: Path) -> None:
    status, output = train(f"debug={preset}").wait()
    assert status == 0, output
    assert not list(all_runs(tmp_path / "runs"))
    (profile,) = [list((tmp_path / "runs" / ".debug").rglob("*profile*.txt"))]
    assert bool(profile) == (preset == "profile")


def test_overfitting_a_few_pages_learns_them(train) -> None:
    """Can the whole path from words to loss learn at all?"""
    words = ["debug=overfit", "optim.lr=1e-2", "model.dropout=0", "task.head_dropout=0", "trainer.max_steps=120"]
    status, output = train(*words, "data.reader.cue=text").wait()
    assert status == 0, output
    f1 = float(output.split("entity F1 ")[1].split()[0])
    assert f1 > 90, output


def test_a_diverged_run_is_a_result(train, tmp_path: Path) -> None:
    words = ["optim=sgd", "optim.lr=1e30", "trainer.clip_norm=0", "trainer.log_every=1", "trainer.max_steps=20"]
    status, output = train(*words).wait()
    assert status == 0, output
    assert "diverged: at step " in output and "There is no good checkpoint" in output
    (run,) = all_runs(tmp_path / "runs")
    assert Result.read(run.result).status == "diverged"
    status, output = train(*words).wait()
    assert "diverged: nothing to do" in output


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(train, tmp_path: Path) -> None:
    """The fourth step's update breaks the weights although its loss was fine; a checkpoint of them would be due."""
    words = ["trainer.max_steps=8", "trainer.checkpoint_every=1", "trainer.log_every=100"]
    status, output = train(*words, before=partial(break_weights_after, 4)).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    good = run.checkpoints / "step-000003"
    assert (
        "diverged: at step 4 loss, score or weights are not finite" in output
        and "The last good checkpoint is" in output
    )
    assert Result.read(run.result).status == "diverged" and [f.name for f in run.checkpoints.glob("step-*")] == [
        good.name
    ]
    assert all(bool(np.isfinite(array).all()) for array in load_file(good / "model.safetensors").values())


def test_weights_that_are_finite_and_broken_are_no_good_checkpoint(train, tmp_path: Path) -> None:
    """After the third step the weights are so large that the fourth step's loss overflows; every step is saved."""
    words = ["trainer.max_steps=8", "trainer.checkpoint_every=1", "trainer.log_every=100"]
    status, output = train(*words, before=partial(break_weights_after, 3, 1e30)).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    assert "diverged: at step 4 " in output and "The last good checkpoint is" in output, output
    assert [path.name for path in run.checkpoints.glob("step-*")] == ["step-000002"]
    assert (run.checkpoints / "last").read_text().strip() == "step-000002"


def test_a_validation_that_is_not_finite_ends_the_run(train, tmp_path: Path) -> None:
    """Neither the last nor the best checkpoint is one that scored so."""
    words = ["task=pretraining", "objective=[mlm]", "trainer.max_steps=6", "trainer.log_every=100"]
    words += ["trainer.validate_every=2", "trainer.checkpoint_every=2", "trainer.selection=best_minival"]
    status, output = train(*words, before=partial(break_weights_after, 4, 1e30)).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    assert "diverged: at step 4 " in output and Result.read(run.result).status == "diverged"
    assert [path.name for path in run.checkpoints.glob("step-*")] == ["step-000002"]
    assert {(run.checkpoints / name).read_text().strip() for name in ("last", "best")} == {"step-000002"}


def test_a_run_whose_last_step_breaks_it_diverged(train, tmp_path: Path) -> None:
    words = ["task=pretraining", "objective=[mlm]", "trainer.max_steps=3", "trainer.log_every=100"]
    status, output = train(*words, before=partial(break_weights_after, 3, 1e30)).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    assert "diverged: at step 3 " in output and "There is no good checkpoint" in output
    assert Result.read(run.result).status == "diverged"


def break_weights_after(step: int, value: float = float("inf")) -> None:
    """Plants an update that makes weights infinite, or so large that what is computed of them is."""
    from docexp.training.checkpoints import Checkpoints

    original = Checkpoints.on_train_batch_end

    def broken(self: Checkpoints, trainer: Any, pl_module: Any, *rest: Any) -> None:
        if trainer.global_step == step:
            for weight in pl_module.parameters():
                weight.data.mul_(value)
        original(self, trainer, pl_module, *rest)

    Checkpoints.on_train_batch_end = broken
