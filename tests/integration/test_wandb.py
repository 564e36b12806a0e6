"""W&B mirrors the run folder: read back from its offline files with wandb's own reader, without key or network."""

import json
import os
import platform
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from docexp.runs.find import all_runs
from docexp.runs.folder import RunFolder
from docexp.runs.metrics_log import read
from docexp.runs.result import Result

OFFLINE = "logger=wandb_offline"
PLAN = [
    "trainer.max_steps=8",
    "trainer.global_batch=4",
    "trainer.checkpoint_every=2",
    "trainer.validate_every=4",
    "trainer.log_every=1",
]


def parts(run: RunFolder) -> list[list[dict[str, Any]]]:
    """The records of every start's file, as wandb reads them, in the order of the starts."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json"]
    files = sorted((run.path / "wandb").glob("*/*.wandb"))
    done = [subprocess.run([*command, str(file)], capture_output=True, text=True) for file in files]
    return [[json.loads(line) for line in one.stdout.splitlines()] for one in done]


def history(records: list[dict[str, Any]]) -> list[dict[str, float]]:
    """The history's lines without wandb's own keys."""
    lines = [record["history"]["item"] for record in records if record["type"] == "history"]
    return [{name: float(v) for name, v in line.items() if not name.startswith("_")} for line in lines]


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for record in records:
        if record["type"] == "summary":
            found |= record["summary"].get("update", {})
    return found


def config(records: list[dict[str, Any]]) -> dict[str, Any]:
    found = dict(opened(records)["config"]["update"])
    for record in records:
        if record["type"] == "config":
            found |= record["config"].get("update", {})
    return found


def opened(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The record that opens the W&B run."""
    return next(record["run"] for record in records if record["type"] == "run")


def exit_code(records: list[dict[str, Any]]) -> int | None:
    """None where the process was killed."""
    return next((record["exit"].get("exit_code", 0) for record in records if record["type"] == "exit"), None)


def same(one: list[dict[str, float]], other: list[dict[str, float]]) -> bool:
    """Equal lines, nan equal to nan."""
    return [sorted(map(repr, line.items())) for line in floats(one)] == [
        sorted(map(repr, line.items())) for line in floats(other)
    ]


def floats(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: float(value) for name, value in line.items()} for line in lines]


def keyed(lines: list[dict[str, float]]) -> dict[tuple[float, bool], dict[str, float]]:
    """By step and kind of line; of several, the last."""
    return {(line["step"], "loss" in line): line for line in lines}


def die(call: int) -> None:
    """Plants a SIGKILL in a micro-batch."""
    _in_training_step(call, lambda: os.kill(os.getpid(), signal.SIGKILL))


def lose_the_service(call: int) -> None:
    """Plants the death of wandb's own process in a micro-batch."""

    def kill() -> None:
        for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
            for pid in child.read_text().split():
                if b"wandb-core" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)

    _in_training_step(call, kill)


def interrupt(call: int) -> None:
    """Plants a Ctrl-C, which reaches the whole group of processes."""
    os.setpgrp()
    _in_training_step(call, lambda: os.killpg(0, signal.SIGINT))


def fail(call: int) -> None:
    """Plants an error."""

    def broken() -> None:
        raise ValueError("planted")

    _in_training_step(call, broken)


def _in_training_step(call: int, act: Any) -> None:
    from docexp.training.module import RunModule

    original, calls = RunModule.training_step, [0]

    def step(self: Any, batch: Any, batch_index: int) -> Any:
        calls[0] += 1
        if calls[0] == call:
            act()
        return original(self, batch, batch_index)

    RunModule.training_step = step


def without_key(home: Path, server: str = "") -> None:
    """No key anywhere, or one for a server that is not there."""
    from docexp.training import wandb_mirror

    wandb_mirror.ANSWER_WITHIN = 2.0
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        del os.environ[name]
    os.environ.update(HOME=str(home), NETRC=str(home / "netrc"), WANDB_CONFIG_DIR=str(home))
    if server:
        os.environ.update(WANDB_BASE_URL=server, WANDB_API_KEY="0123456789abcdef" * 2 + "01234567")


@pytest.mark.slow
def test_a_sweep_with_a_killed_and_resumed_job_is_one_wandb_run_for_each(train, tmp_path: Path) -> None:
    sweep = ["seed=0,1,2", "model.layout=true,false"]
    mine = [*PLAN, OFFLINE, "logger.tags=[a,b c]", "logger.project=forms"]
    status, output = train(*mine, "seed=1", "model.layout=false", before=partial(die, 6)).wait()
    assert status == -signal.SIGKILL, output
    (killed,) = (run.identity for run in all_runs(tmp_path / "runs"))
    status, output = train("-m", *mine, *sweep, "hydra.launcher.parallel=2").wait()
    assert status == 0, output
    runs = list(all_runs(tmp_path / "runs"))
    assert len(runs) == 6
    seen = {}
    for run in runs:
        found = parts(run)
        assert len(found) == (2 if run.identity == killed else 1)
        records, result = found[-1], Result.read(run.result)
        seen[run.identity] = {opened(part)["run_id"] for part in found if part[1:]}
        run_config = config(records)
        assert opened(records)["run_group"] == "custom"
        assert opened(records)["job_type"] == "finetune"
        assert opened(records)["project"] == "forms"
        assert opened(records)["tags"] == ["a", "b c"]
        assert opened(records)["resume"]
        assert run_config["protocol"] == result.protocol
        assert {key: run_config[key] for key in run.read_config()} == run.read_config()
        found_summary = summary(records)
        assert found_summary["status"] == "finished"
        assert found_summary["primary_metric"] == "entity_f1"
        assert found_summary["primary_value"] == result.value
        scores = {n.removeprefix("test/"): v for n, v in found_summary.items() if n.startswith("test/")}
        assert scores == result.metrics
        assert exit_code(records) == 0
        lines = [line for part in found for line in history(part)]
        assert keyed(lines) == keyed(read(run.metrics))
        if run.identity != killed:
            assert same(lines, read(run.metrics))
        metrics = [record["metric"] for record in records if record["type"] == "metric"]
        assert any(metric.get("step_metric") == "step" and metric.get("glob_name") == "*" for metric in metrics)
    assert seen == {run.identity: {run.identity} for run in runs}


def test_every_exit_closes_the_run_with_its_status(train, tmp_path: Path) -> None:
    diverging = ["optim=sgd", "optim.lr=1e30", "trainer.clip_norm=0"]
    ways = {
        "diverged": (diverging, None, 0, 0),
        "interrupted": ([], partial(interrupt, 4), 130, 130),
        "failed": ([], partial(fail, 4), 1, 1),
    }
    started = {
        name: train(*PLAN, OFFLINE, *words, runs=name, before=before) for name, (words, before, _, _) in ways.items()
    }
    for name, (_, _, status, code) in ways.items():
        found, output = started[name].wait()
        assert found == status, output
        assert "wandb:" not in output
        (run,) = all_runs(tmp_path / name)
        (records,) = parts(run)
        assert summary(records)["status"] == name
        assert exit_code(records) == code
        assert same(history(records), read(run.metrics))
    # and on from there, in a run that so far has mirrored all it had
    status, output = train(*PLAN, OFFLINE, runs="interrupted").wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "interrupted")
    assert same([line for part in parts(run) for line in history(part)], read(run.metrics))


def test_a_run_that_turns_to_wandb_late_brings_its_history(train, tmp_path: Path) -> None:
    assert train(*PLAN, before=partial(interrupt, 4)).wait()[0] == 130
    status, output = train(*PLAN, OFFLINE).wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    (records,) = parts(run)
    assert same(history(records), read(run.metrics))


def test_finished_again_and_debug(train, tmp_path: Path) -> None:
    words = [*PLAN, OFFLINE]
    assert train(*words).wait()[0] == 0
    (run,) = all_runs(tmp_path / "runs")
    status, output = train(*words).wait()
    assert "nothing to do" in output
    assert len(parts(run)) == 1
    status, output = train(*words, "--again").wait()
    assert status == 0, output
    (records,) = parts(run)
    assert opened(records)["run_id"] == f"{run.identity}-2"
    status, output = train(*words, "debug=one_batch").wait()
    assert status == 0, output
    assert "a debug run is not mirrored" in output
    assert not list((tmp_path / "runs" / ".debug").rglob("wandb"))


def test_only_rank_0_talks_to_wandb(train, tmp_path: Path) -> None:
    status, output = train(*PLAN, OFFLINE, "hardware.devices=2").wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "runs")
    (records,) = parts(run)
    assert same(history(records), read(run.metrics))


def test_no_key_and_no_server_are_said_before_anything_is_trained(train, tmp_path: Path) -> None:
    server = "http://127.0.0.1:9"
    started = {
        "API key": train(*PLAN, "logger=wandb", runs="key", before=partial(without_key, tmp_path)),
        "connection refused": train(*PLAN, "logger=wandb", runs="net", before=partial(without_key, tmp_path, server)),
    }
    for word, process in started.items():
        status, output = process.wait()
        assert status == 2, output
        (error,) = [line for line in output.splitlines() if line.startswith("docexp:")]
        assert "Traceback" not in output
        assert word in output, output
        assert "logger=wandb_offline" in output
        assert len(output[output.index(error) :].splitlines()) <= 2
    for run in (*all_runs(tmp_path / "key"), *all_runs(tmp_path / "net")):
        assert not run.metrics.exists()


def test_losing_wandb_costs_the_mirror_and_not_the_run(train, tmp_path: Path) -> None:
    status, output = train(*PLAN, OFFLINE, before=partial(lose_the_service, 5)).wait()
    assert status == 0, output
    assert output.count("the run goes on without it") == 1
    assert "messages did not arrive" in output
    assert "Traceback" not in output
    (run,) = all_runs(tmp_path / "runs")
    assert Result.read(run.result).status == "finished"
    assert [line["step"] for line in read(run.metrics) if "loss" in line] == list(range(1, 9))


SECRETS = {
    "WANDB_API_KEY": "5ec4e7a1" * 5,
    "MY_TOKEN": "planted-token-of-another-service",
    "HTTPS_PROXY": "http://me:planted-proxy-word@127.0.0.1:9",
}


def test_no_secret_reaches_the_run_folder(shards: Path, small: list[str], tmp_path: Path) -> None:
    """In a repository whose remote holds a password, with secrets in the environment and in the caller's own words."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    (tmp_path / "file.txt").write_text("text\n")
    for words in (
        ["init", "-q", "."],
        ["add", "file.txt"],
        ["commit", "-qm", "first"],
        ["remote", "add", "origin", "https://me:planted-git-word@example.com/x.git"],
    ):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    code = "import sys; from docexp.cli import main; main(sys.argv[1:sys.argv.index('--')])"
    words = ["train", *small, *PLAN, OFFLINE, "--", "--password=planted-argument-word"]
    environment = {**os.environ, **SECRETS, "DOCEXP_SHARDS": str(shards), "DOCEXP_RUNS": "runs", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    planted = [*SECRETS.values(), "planted-git-word", "planted-argument-word", "planted-proxy-word"]
    files = [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    assert any(file.suffix == ".wandb" for file in files)
    for file in files:
        data = file.read_bytes()
        assert not [word for word in planted if word.encode() in data], file
    (run,) = all_runs(tmp_path / "runs")
    (records,) = parts(run)
    assert "host" not in opened(records)
    assert f'"{platform.node()}"' not in json.dumps(records)
    assert not {record["type"] for record in records} & {"files", "environment", "stats", "output", "output_raw"}
    assert yaml.safe_load(run.config.read_text())["logger"]["kind"] == "wandb_offline"


@pytest.mark.parametrize(("found", "said"), [("0.30.0", "here is 0.30.0"), (None, "is not installed")])
def test_wandb_missing_or_too_old(found: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    from docexp.errors import DocexpError
    from docexp.training import wandb_mirror

    def version(name: str) -> str:
        if found is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(DocexpError, match=said):
        wandb_mirror._check_version()


def test_wandb_is_imported_only_when_asked_for() -> None:
    code = "import sys, docexp.training.run; print('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
