"""A study of ``experiments/`` at ``scale=smoke``: undisturbed, killed at random moments, and asked for once more."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from docexp.runs.find import all_runs, find
from docexp.runs.metrics_log import comparable, read
from tests.processes import processes_in, until

ROOT = Path(__file__).resolve().parent.parent.parent
STUDY = [str(ROOT / "experiments" / "layoutlmv3_objectives"), "scale=smoke"]
RUNS = 24


def start(verb: str, folder: Path, runs: str, *words: str) -> subprocess.Popen[str]:
    """``docexp study`` as the leader of a process group, with runs below ``folder/runs`` and the same corpora."""
    places = {"DOCEXP_RUNS": str(folder / runs), "DOCEXP_SHARDS": str(folder / "shards")}
    return subprocess.Popen(
        [sys.executable, "-m", "docexp.cli", "study", verb, *STUDY, *words],
        cwd=folder,
        env={**os.environ, **places, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def says(verb: str, folder: Path, runs: str, *words: str) -> str:
    process = start(verb, folder, runs, *words)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def tables(folder: Path, runs: str) -> dict[str, Any]:
    return json.loads(says("report", folder, runs, "--json"))["tasks"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.name != "posix", reason="kills a process group")
def test_killed_three_times_a_study_gives_the_same_table(tmp_path: Path) -> None:
    two = "hydra.launcher.parallel=2"
    assert f"all {RUNS} runs have come to their end" in says("run", tmp_path, "undisturbed", two)
    assert "nothing to do" in says("run", tmp_path, "undisturbed", two)
    moments, killed = random.Random(time.time_ns()), 0
    for _ in range(3):
        started = start("run", tmp_path, "runs", two)
        seconds = moments.uniform(10, 40)  # of two minutes; a fast machine may have come to the end
        try:
            started.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.communicate()
            killed += 1
            print(f"killed after {seconds:.1f} s")
        until(lambda: not processes_in(tmp_path), 30)
    assert killed
    says("run", tmp_path, "runs", two)
    assert tables(tmp_path, "runs") == tables(tmp_path, "undisturbed")
    runs = list(all_runs(tmp_path / "runs"))
    assert len(runs) == RUNS
    for run in runs:
        other = find(run.identity, tmp_path / "undisturbed")
        assert comparable(read(run.metrics)) == comparable(read(other.metrics))
