"""Studies as typed: planned, run, interrupted, failing, reported."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.resolve import resolve
from docexp.studies.plan import Plan, PlannedState, make_plan
from docexp.studies.read import read_study
from docexp.verbs.study import run as study_verb
from tests.processes import processes_in, until

PLANTED = """
from dataclasses import dataclass
from pathlib import Path
from docexp.training.settings import AdamWSettings

@dataclass(kw_only=True)
class Failing(AdamWSettings):
    def build(self, groups):
        with Path("starts.txt").open("a") as starts:
            starts.write("x")
        if not Path("mended").exists() and self.lr in {FAILS}:
            raise RuntimeError("planted")
        return super().build(groups)
"""


def study_of(small: list[str]) -> dict[str, Any]:
    """Two rows, each pretrained twice and fine-tuned for two tasks: 4 + 8 runs of a few steps."""
    quick = ["trainer.max_steps=2", "trainer.global_batch=2", "trainer.log_every=1"]
    sizes = [word for word in small if not word.startswith("model.tokenizer")]
    pretrain = [*small, *quick, "data=synthetic_forms", "task.scored=8"]
    return {
        "name": "toy",
        "question": "Does it run?",
        "rows": {
            "mlm": {"label": "MLM, no image", "overrides": ["objective=[mlm]", "model.image=none"]},
            "both": {"label": "MLM + MIM", "overrides": ["objective=[mlm,mim]"]},
        },
        "stages": {
            "pretrain": {"experiment": "pretrain/layoutlmv3_tiny", "overrides": pretrain},
            "finetune": {"experiment": "quickstart/image", "weights": "pretrain", "overrides": [*sizes, *quick]},
        },
        "tasks": {
            "forms": {"metric": "entity_f1", "paper": {"mlm": 88.64, "both": "diverged"}},
            "lines": {"metric": "entity_f1", "overrides": ["trainer.max_steps=3"], "differs": "other steps"},
        },
        "seeds": {"pretrain": [0, 1], "finetune": [0]},
        "data": ["data=synthetic_forms"],
    }


def write(folder: Path, study: dict[str, Any]) -> Path:
    (folder / "toy").mkdir(exist_ok=True)
    file = folder / "toy" / "study.yaml"
    file.write_text(yaml.safe_dump(study, sort_keys=False))
    return file


@pytest.fixture
def plan_of(tmp_path: Path, shards: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """A study's plan, as commands in ``tmp_path`` make it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCEXP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("DOCEXP_SHARDS", str(shards))
    return lambda file, project=None: make_plan(file, read_study(file), "paper", Project.at(project))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """``docexp study`` in this process: for what starts no run."""

    def run(*words: str) -> tuple[int, str]:
        status = study_verb(list(words), None)
        return status, capsys.readouterr().out

    return run


def test_a_study_makes_what_it_planned_once(cli, say, small, plan_of, tmp_path: Path) -> None:
    study = study_of(small)
    del study["tasks"]["lines"]
    study["rows"]["both"]["overrides"] = ["objective=[mlm]"]
    study["seeds"] = {"pretrain": [0], "finetune": [0]}
    file = write(tmp_path, study)
    planned = plan_of(file)
    _, output = say("plan", "toy", "speed=10")
    assert "to do: 4 of 4 runs, 8 steps, 16 pages" in output and "(assumed)" in output

    status, output = cli("study", "run", "toy", "hydra.launcher.parallel=2").wait()
    assert status == 0, output
    assert {run.identity for run in all_runs(tmp_path / "runs")} == {run.identity for run in planned.runs}
    for run in planned.cells.values():  # what docexp train finds, once upstream is there
        words = [*study["stages"]["finetune"]["overrides"], *study["rows"][run.uses[0].row]["overrides"][1:]]
        words += [f"seed={run.uses[0].seeds[-1]}", f"model.weights=run:{run.upstream.identity[:8]}"]
        assert resolve(check(compose(["experiment=quickstart/image", *words]))).identity == run.identity

    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*") if file.is_file()}
    status, output = say("run", "toy")
    assert status == 0 and "nothing to do" in output
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*") if file.is_file()} == before
    rows = json.loads(say("report", "toy", "--json")[1])["tasks"]["forms"]["rows"]
    assert [rows[row]["n"] for row in ("mlm", "both")] == [1, 1]
    assert rows["both"]["paper"] == "diverged"
    output = say("report", "toy")[1]
    assert "MLM, no image" in output and "88.64" in output
    assert "4 runs: 4 finished" in say("status", "toy")[1]
    assert "nothing to do: all 4 runs" in say("plan", "toy")[1]


def test_runs_that_are_the_same_for_several_uses_are_made_once(small, plan_of, tmp_path: Path) -> None:
    plan = plan_of(write(tmp_path, study_of(small)))
    stages = [run.stage for run in plan.runs]
    assert stages == ["pretrain"] * 4 + ["finetune"] * 8
    assert len(plan.cells) == 8
    assert {len(run.uses) for run in plan.runs[:4]} == {2}  # both tasks start from them
    assert len({run.upstream.identity for run in plan.cells.values()}) == 4


def test_rows_that_are_the_same_run_are_refused(small, plan_of, tmp_path: Path) -> None:
    study = study_of(small)
    study["rows"]["both"]["overrides"] = study["rows"]["mlm"]["overrides"]
    with pytest.raises(DocexpError, match="forms × mlm and forms × both are the same run"):
        plan_of(write(tmp_path, study))


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (["trainer.max_step=3"], "row both, stage pretrain, task forms: trainer.max_step is no setting of trainer"),
        (["trainer.max_step=3"], "study.yaml). Nearest: trainer.max_steps."),
        (["optim=adam"], "optim=adam is no choice of conf/optim/"),
        (["objective=[mlm]", "model.pyramid=[4]"], "row both, stage pretrain"),
    ],
)
def test_a_wrong_override_is_answered_with_file_row_and_stage(row, answer, small, plan_of, tmp_path: Path) -> None:
    study = study_of(small)
    study["rows"]["both"]["overrides"] = row
    with pytest.raises(DocexpError) as refusal:
        plan_of(write(tmp_path, study))
    assert answer in str(refusal.value) and "study.yaml" in str(refusal.value)


def test_what_does_not_fit_the_stages_is_refused(small, plan_of, tmp_path: Path) -> None:
    study = study_of(small)
    study["stages"]["finetune"]["overrides"] += ["model.weights=somewhere"]
    with pytest.raises(DocexpError, match="the weights come from stage pretrain"):
        plan_of(write(tmp_path, study))
    study = study_of(small)
    study["tasks"]["forms"]["metric"] = "accuracy"
    with pytest.raises(DocexpError, match=r"tasks\.forms\.metric=accuracy, but its runs are scored by entity_f1"):
        plan_of(write(tmp_path, study))
    study = study_of(small)
    del study["stages"]["pretrain"], study["stages"]["finetune"]["weights"], study["seeds"]["pretrain"]
    with pytest.raises(DocexpError, match=r"rows\.mlm: objective=\[mlm\] has no effect: no stage has task=pretraining"):
        plan_of(write(tmp_path, study))


def test_a_study_without_its_data_is_counted(say, small, plan_of, tmp_path: Path, capsys) -> None:
    study = study_of(small)
    study["data"] = ["data=funsd"]
    write(tmp_path, study)
    with pytest.raises(DocexpError):
        say("plan", "toy", "speed=4")
    output = capsys.readouterr().out
    assert "pretrain   4 runs: 2 steps of 2" in output and "finetune   8 runs: 2 steps of 2, 3 steps of 2" in output
    assert "in all 28 steps, 56 pages, about 10 s" in output


def test_absent_data_is_named_with_its_command(say, small, plan_of, tmp_path: Path) -> None:
    study = study_of(small)
    study["data"] = ["data=funsd", "data=synthetic_receipts"]
    write(tmp_path, study)
    for command in ("plan", "run"):
        with pytest.raises(DocexpError, match="docexp data prepare data=funsd source=DIR"):
            say(command, "toy")
    assert not (tmp_path / "runs").exists()
    study["data"] = ["data=funsdd"]
    write(tmp_path, study)
    with pytest.raises(DocexpError, match="Nearest: funsd"):
        say("plan", "toy")


def failing(tmp_path: Path, small: list[str], fails: tuple[float, ...] = (1e-3, 2e-3)) -> Path:
    """A project, and a study whose second row pretrains with its optimiser.

    That one fails at some learning rates until a file is there.
    """
    project = tmp_path / "project"
    (project / "conf" / "optim").mkdir(parents=True)
    (project / "planted.py").write_text(PLANTED.replace("{FAILS}", str(fails)))
    (project / "conf" / "optim" / "failing.yaml").write_text("_target_: planted.Failing\nlr: 1.0e-3\n")
    study = study_of(small)
    study["rows"]["both"]["stages"] = {"pretrain": ["optim=failing"]}
    study["tasks"] = {"forms": {"metric": "entity_f1"}}
    study["seeds"]["pretrain"] = [0]
    write(tmp_path, study)
    return project


@pytest.mark.slow
def test_a_failing_row_is_retried_listed_and_alone_run_again(cli, small, plan_of, tmp_path: Path) -> None:
    project = failing(tmp_path, small)
    words = ["--project", str(project), "study"]
    status, output = cli(*words, "run", "toy").wait()
    assert status == 1, output
    assert "failed with status 1: RuntimeError: planted" in output
    assert "not started: pretrain  both  seed 0 has no result" in output
    assert "2 of 4 runs have no result" in output
    assert (tmp_path / "starts.txt").read_text() == "xx"
    status, output = cli(*words, "status", "toy").wait()
    assert "failed  RuntimeError: planted" in output and "log.txt" in output
    assert "2 finished, 1 failed, 1 missing" in output
    done = {run: run.result.stat().st_mtime_ns for run in all_runs(tmp_path / "runs") if run.result.is_file()}
    (tmp_path / "mended").touch()
    status, output = cli(*words, "run", "toy").wait()
    assert status == 0, output
    assert "4 runs, 2 at their end" in output and "2 to run" in output
    assert all(run.result.stat().st_mtime_ns == when for run, when in done.items())


def test_a_sweep_runs_only_its_failures_again(train, small, tmp_path: Path) -> None:
    project = failing(tmp_path, small)
    words = ["-m", "--project", str(project), "trainer.max_steps=2", "trainer.global_batch=2", "seed=range(2)"]
    words += ["optim=adamw_linear,failing", "hydra.launcher.parallel=2"]
    status, output = train(*words).wait()
    assert status == 1, output
    assert output.count("RuntimeError: planted") >= 2 and "2 of 4 runs failed" in output
    assert (tmp_path / "starts.txt").read_text() == "xx"
    (tmp_path / "mended").touch()
    status, output = train(*words).wait()
    assert status == 0, output
    assert "4 runs: 2 finished, 2 to run" in output


@pytest.mark.slow
def test_of_a_sweep_of_twenty_the_three_that_failed_run_again(train, small, tmp_path: Path) -> None:
    project = failing(tmp_path, small, fails=(0.003, 0.011, 0.017))
    rates = ",".join(f"0.{number:03d}" for number in range(1, 21))
    words = ["-m", "--project", str(project), "trainer.max_steps=2", "trainer.global_batch=2", "optim=failing"]
    words += [f"optim.lr={rates}", "hydra.launcher.parallel=2"]
    status, output = train(*words).wait()
    assert status == 1, output
    assert "20 runs: 0 finished, 20 to run" in output and "3 of 20 runs failed" in output
    assert output.count("entity_f1") == 17
    for rate in ("0.003", "0.011", "0.017"):
        assert re.search(rf"optim\.lr={rate}  [0-9a-f]{{12}}  failed with status 1", output), output
    (tmp_path / "mended").touch()
    (tmp_path / "starts.txt").unlink()
    status, output = train(*words).wait()
    assert status == 0, output
    assert "20 runs: 17 finished, 3 to run" in output
    assert (tmp_path / "starts.txt").read_text() == "xxx"


def test_a_forked_run_is_bit_equal_to_a_process_of_its_own(train, tmp_path: Path) -> None:
    words = ["trainer.max_steps=4", "trainer.global_batch=4", "trainer.log_every=1", "data.workers=1"]
    assert train(*words, "seed=3", runs="plain").wait()[0] == 0
    status, output = train("-m", *words, "seed=2,3", "hydra.launcher.parallel=2", runs="forked").wait()
    assert status == 0, output
    (plain,) = all_runs(tmp_path / "plain")
    forked = next(run for run in all_runs(tmp_path / "forked") if run.identity == plain.identity)
    assert comparable(read(plain.metrics)) == comparable(read(forked.metrics))
    assert (forked.checkpoints / "step-000004" / "model.safetensors").read_bytes() == (
        plain.checkpoints / "step-000004" / "model.safetensors"
    ).read_bytes()


def long_study(small: list[str], folder: Path) -> Path:
    """Two runs that take some seconds each."""
    study = study_of(small)
    study["stages"] = {"train": {"experiment": "quickstart/image", "overrides": [*small, "data.workers=1"]}}
    study["stages"]["train"]["overrides"] += ["trainer.max_steps=4000", "trainer.global_batch=2", "trainer.log_every=1"]
    study["rows"] = {"with": {}, "without": {"overrides": ["model.image=none"]}}
    study["tasks"], study["seeds"] = {"forms": {"metric": "entity_f1"}}, {"train": [0]}
    return write(folder, study)


def training(plan: Plan) -> bool:
    """Whether all runs have made steps."""
    return all(run.run.folder.metrics.is_file() and read(run.run.folder.metrics) for run in plan.runs)


def table(cli, **how: Any) -> dict[str, Any]:
    status, output = cli("study", "report", "toy", "--json", **how).wait()
    assert status == 0, output
    return json.loads(output)["tasks"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_with_its_driver_everything_ends_and_ctrl_c_saves(cli, small, plan_of, tmp_path: Path) -> None:
    plan = plan_of(long_study(small, tmp_path))
    words = ["study", "run", "toy", "hydra.launcher.parallel=2"]
    started = cli(*words)
    until(lambda: training(plan))
    os.kill(started.process.pid, signal.SIGKILL)
    started.wait()
    until(lambda: not processes_in(tmp_path), 30)
    plan.look()
    assert {run.state for run in plan.runs} == {PlannedState.INTERRUPTED}

    started = cli(*words)
    until(lambda: len(plan_of(plan.file).of(PlannedState.RUNNING)) == 2)
    lines = {run.identity: len(read(run.run.folder.metrics)) for run in plan.runs}
    until(lambda: all(len(read(run.run.folder.metrics)) > lines[run.identity] + 5 for run in plan.runs))
    status, output = cli("study", "status", "toy").wait()
    assert output.count("  running  ") == 2 and "pages/s" in output and "left" in output, output
    status, output = cli("study", "cancel", "toy").wait()
    assert status == 0, output
    assert "asked to stop" in output and output.count("  interrupted") == 2, output
    status, output = started.wait()
    assert status == 130, output
    assert "interrupted: the same command goes on" in output and output.count("was interrupted") == 2
    for run in plan.runs:
        last = read(run.run.folder.metrics)[-1]["step"]
        assert (run.run.folder.checkpoints / f"step-{last:06.0f}").is_dir()
    assert not processes_in(tmp_path)
