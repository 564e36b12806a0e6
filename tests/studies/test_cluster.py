"""States of cluster jobs as Slurm's commands tell them; scripts stand in for these here."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from docexp.errors import DocexpError
from docexp.studies import cluster
from docexp.studies.cluster import FOLDER, JobState, cancel, how_it_ended, last_words, states
from docexp.studies.launchers import Job, Outcome
from docexp.studies.slurm import wait


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Only these commands are there, as shell scripts."""

    def make(**scripts: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin" if scripts else "")
        monkeypatch.setattr(cluster.shutil, "which", lambda name: name if name in scripts else None)

    return make


QUEUE = """cat <<END
7_0|RUNNING|n2|2|0|None|
7_1|PENDING||0|0|Resources|
7_2|FAILED|n1|0|512|NonZeroExitCode|
7_3|FAILED|n1|0|9|RaisedSignal|
7_4|CANCELLED||1|0|None|
7_5|COMPLETED|n1|1|0|None|
7_6|OUT_OF_MEMORY|n1|0|32512|OutOfMemory|
END"""


def test_states_from_the_queue(commands) -> None:
    commands(squeue=QUEUE)
    ids = [f"7_{number}" for number in range(8)]
    told = states(ids)
    assert list(told) == ids
    assert [str(told[job]) for job in ids] == [
        "running on n2, requeued twice",
        "pending (Resources)",
        "failed with status 2",
        "failed with status 137",
        "was cancelled, requeued once",
        "completed, requeued once",
        "ran out of memory",
        "has left the queue; the cluster does not know it any more",
    ]
    assert [job for job in ids if not told[job].ended] == ["7_0", "7_1"]


def test_accounting_knows_older_ones(commands) -> None:
    sacct = "printf '7|COMPLETED|n1|0:0\\n8|CANCELLED by 0|n1|0:15\\n9|FAILED|n1|3:0\\n'"
    commands(squeue="echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", sacct=sacct)
    told = states(["7", "8", "9", "10"])
    assert [told[job].state for job in told] == ["COMPLETED", "CANCELLED", "FAILED", cluster.GONE]
    assert [told[job].status for job in told] == [0, 143, 3, 0]


@pytest.mark.parametrize("sacct", [None, "echo 'Slurm accounting storage is disabled' >&2; exit 1"])
def test_without_accounting_a_job_is_gone(commands, sacct: str | None) -> None:
    commands(squeue="true", **({"sacct": sacct} if sacct else {}))
    assert states(["7"])["7"].state == cluster.GONE


def test_no_answer_is_an_error_of_one_line(commands) -> None:
    commands(squeue="echo 'squeue: error: x' >&2; echo 'squeue: error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(DocexpError, match=r"^Slurm does not tell its queue: Unable to contact slurm controller$"):
        states(["7"])
    commands()
    with pytest.raises(DocexpError, match="squeue is not here"):
        states(["7"])


def test_cancelling_lets_them_save_first(commands, tmp_path: Path) -> None:
    commands(scancel=f'echo "$*" >> {tmp_path}/asked')
    cancel(["7_0", "7_1"])
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--signal=INT --state=RUNNING --quiet 7_0 7_1",
        "--quiet 7_0 7_1",
    ]


def test_slurms_own_words_tell_of_memory(tmp_path: Path) -> None:
    log = tmp_path / "000.log"
    log.write_text("step 1\nstep 2\nsubmitit INFO x\nstep 3\n")
    (tmp_path / FOLDER).mkdir()
    killed = (
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0. Some of your processes may have been killed"
    )
    (tmp_path / FOLDER / "7_0_log.err").write_text(f"Traceback\n{killed}\n")
    assert how_it_ended(JobState("7", "FAILED", status=137), log) == "ran out of memory"
    assert how_it_ended(JobState("8", "FAILED", status=2), log) == "failed with status 2"
    assert last_words(log, "7", lines=2) == ["step 2", "step 3", killed]
    assert last_words(tmp_path / "none.log", "8") == []


def test_waiting_ends_with_the_jobs_whoever_tells(commands, tmp_path: Path) -> None:
    """One fails by its own account, one was cancelled, one has gone without a word."""
    commands(squeue="printf '7|FAILED|n1|0|512|None|\\n8|CANCELLED||0|0|None|\\n'")
    jobs = [Job(name, tmp_path / f"{name}.yaml", tmp_path / f"{name}.log") for name in ("a", "b", "c", "d")]
    (tmp_path / "a.status").write_text("2\n")
    (tmp_path / "d.status").write_text("0\n")
    told: list[Outcome] = []
    ids = {"a": "7", "b": "8", "c": "9", "d": "10"}
    wait.wait_for(ids, jobs, told.append, every=0)
    found = {outcome.job.name: (outcome.status, outcome.reason) for outcome in told}
    assert found == {
        "a": (2, ""),
        "b": (1, "was cancelled"),
        "c": (1, "has left the queue; the cluster does not know it any more"),
        "d": (0, ""),
    }


def test_waiting_without_an_answer_ends(commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands(squeue="echo 'squeue: error: Unable to contact slurm controller' >&2; exit 1")
    monkeypatch.setattr(wait, "UNANSWERED", 0.2)
    job = Job("a", tmp_path / "a.yaml", tmp_path / "a.log")
    with pytest.raises(DocexpError, match="Unable to contact"):
        wait.wait_for({"a": "7"}, [job], lambda outcome: None, every=0.05)


def test_many_jobs_are_asked_in_parts(commands, tmp_path: Path) -> None:
    commands(squeue=f"echo asked >> {tmp_path}/asked")
    assert len(states([str(number) for number in range(1200)])) == 1200
    assert (tmp_path / "asked").read_text().count("asked") == 3
    assert os.environ["PATH"].startswith(str(tmp_path))
