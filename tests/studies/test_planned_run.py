"""A wanted run's state: what its folder says, what has changed since, and what became of the run before it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docexp.runs import atomic
from docexp.runs.code import SourceDigests
from docexp.runs.folder import RunFolder
from docexp.runs.result import Result
from docexp.studies.plan import PlannedRun, PlannedState


def planned(folder: Path, **how: Any) -> PlannedRun:
    run: Any = SimpleNamespace(folder=RunFolder(folder / "0123456789ab"), settings=SimpleNamespace(plain={}))
    upstream: Any = how.pop("upstream", None)
    found = PlannedRun("train", True, True, run, upstream, **how)
    run.folder.create()
    return found


def ended(run: PlannedRun, outcome: str, **changed: str) -> None:
    """Writes what a run leaves that has ended so."""
    folder = run.run.folder
    start = {"accelerator": "cpu", "devices": 1, "strategy": "", "threads": 1, "resumed_from_step": 0}
    start |= {"outcome": outcome, "reason": "planted" * (outcome == "failed")}
    code = {**SourceDigests().of({}), **{f"docexp/{name}.py": digest for name, digest in changed.items()}}
    atomic.write_json(folder.environment, {"code": code, "segments": [start]})
    if outcome in ("finished", "diverged"):
        kept = {"identity": folder.identity, "experiment": "x", "primary_metric": "m", "step": 1, "seconds": 1.0}
        Result(status=outcome, value=0.5, **kept).write(folder.result)


@pytest.mark.parametrize("outcome", ["finished", "diverged", "failed", "interrupted"])
def test_a_state_is_what_the_folder_says(outcome: str, tmp_path: Path) -> None:
    run = planned(tmp_path)
    run.look(SourceDigests())
    assert run.state is PlannedState.MISSING and not run.settled
    ended(run, outcome)
    run.look(SourceDigests())
    assert run.state == outcome
    assert run.settled is (outcome in ("finished", "diverged"))
    assert run.reason == "planted" * (outcome == "failed")


@pytest.mark.parametrize("outcome", ["finished", "diverged"])
def test_a_result_of_other_code_is_stale_and_still_counts(outcome: str, tmp_path: Path) -> None:
    run = planned(tmp_path)
    ended(run, outcome, cli="0")
    run.look(SourceDigests())
    assert run.state is PlannedState.STALE and run.settled
    assert run.changed == "the code has changed since: docexp/cli.py"
    assert run.diverged is (outcome == "diverged")


def test_what_would_start_from_a_diverged_run_counts_as_diverged(tmp_path: Path) -> None:
    run = planned(tmp_path, upstream=SimpleNamespace(diverged=True))
    run.look(SourceDigests())
    assert run.state is PlannedState.DIVERGED and run.settled and run.diverged


def test_an_expected_failure_is_settled_by_failing(tmp_path: Path) -> None:
    run = planned(tmp_path, expected_to_fail=True)
    run.look(SourceDigests())
    assert not run.settled
    ended(run, "failed")
    run.look(SourceDigests())
    assert run.settled
