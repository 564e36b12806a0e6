"""Training on broken shards: stopped by default; under ``data.on_error=skip`` gone on with, counted, and bounded."""

import json
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result
from docexp.shards.index import Index

PLAN = ["trainer.max_steps=9", "trainer.global_batch=4", "trainer.checkpoint_every=2", "trainer.log_every=1"]
PLAN += ["hardware.micro_batch=2", "data.on_error=skip", "trainer.validate_every=0"]


def die_in_step(call: int) -> None:
    """Plants a SIGKILL in a call of ``training_step``."""
    from docexp.training.module import RunModule

    original, calls = RunModule.training_step, [0]

    def dying(*args, **kwargs):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    RunModule.training_step = dying


@pytest.fixture
def broken(cli, shards: Path, tmp_path: Path) -> Path:
    """The shards with one training tar missing and a page of another overwritten, which no checksum was asked about."""
    folder = tmp_path / "broken"
    shutil.copytree(shards / "synthetic_forms", folder)
    status, output = cli("data", "tokenizer", "vocab_size=300", f"data.shards={folder}").wait()
    assert status == 0, output
    index = Index.open(folder)
    train = [number for number, shard in enumerate(index.shards) if shard.split == "train"]
    assert len(train) > 3
    index.path(train[1]).unlink()
    rows = index.shards[train[2]].rows
    entry = index.table[rows[0][0]]
    with index.path(train[2]).open("r+b") as tar:
        tar.seek(int(entry["offset"]))
        tar.write(b"?" * 512)
    return folder


def lost(folder: Path) -> int:
    """Training pages that cannot be read: those of the missing tar, and one."""
    index = Index.open(folder)
    missing = next(n for n in range(len(index.shards)) if not index.path(n).exists())
    return sum(stop - first for first, stop in index.shards[missing].rows) + 1


def test_skipped_pages_are_counted_over_a_kill_and_shown(train, broken: Path, tmp_path: Path) -> None:
    words = [*PLAN, f"data.shards={broken}", "data.max_skipped=1"]
    status, output = train(*words, runs="whole").wait()
    assert status == 0, output
    (whole,) = all_runs(tmp_path / "whole")
    result = Result.read(whole.result)
    # 36 pages drawn of an epoch of 22: each broken page once, and some twice
    assert len(result.skipped) == 2 and lost(broken) <= sum(result.skipped.values()) <= 2 * lost(broken)
    assert f"skipped {sum(result.skipped.values())} pages: train-0000" in output
    assert json.loads(whole.result.read_text())["skipped"] == result.skipped
    status, output = train(*words, runs="killed", before=partial(die_in_step, 13)).wait()
    assert status == -signal.SIGKILL, output
    status, output = train(*words, runs="killed").wait()
    assert status == 0, output
    (killed,) = all_runs(tmp_path / "killed")
    assert Result.read(killed.result).skipped == result.skipped
    assert comparable(read(killed.metrics)) == comparable(read(whole.metrics))
    assert killed.identity == whole.identity


def test_too_many_stop_the_run_with_the_list(train, broken: Path) -> None:
    status, output = train(*PLAN, f"data.shards={broken}").wait()
    assert status == 2, output
    assert "more than data.max_skipped=0.001 of 22" in output and "train-0000" in output
    assert "Traceback" not in output


def test_by_default_the_first_fault_stops(train, broken: Path) -> None:
    status, output = train(*PLAN, f"data.shards={broken}", "data.on_error=raise").wait()
    assert status == 2, output
    assert "is missing. Make it again" in output
