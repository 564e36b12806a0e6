"""The pool starts what can start, as many at a time as it may, and gives up what cannot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from docexp.runs.folder import RunFolder
from docexp.runs.lock import RunLock
from docexp.runs.result import Result
from docexp.studies.launchers import Job, Outcome
from docexp.studies.pool import _Pool
from docexp.studies.shares import gpus, present_gpus, threads
from docexp.studies.waiting import Waiting


class Scripted:
    """Processes that end in the order of their starts, each with the next status of its job's script."""

    def __init__(self, statuses: Mapping[str, list[int]]) -> None:
        self.statuses = {name: list(script) for name, script in statuses.items()}
        self.started: list[str] = []
        self.at_once = 0
        self.environments: dict[str, Mapping[str, str]] = {}
        self._running: dict[int, str] = {}

    def start(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
        assert words[0] == "train"
        self.started.append(log.stem)
        self.environments[log.stem] = environment
        self._running[len(self.started)] = log.stem
        self.at_once = max(self.at_once, len(self._running))
        return len(self.started)

    def ended(self, timeout: float | None) -> list[tuple[int, int]]:
        pid = min(self._running)
        script = self.statuses.get(self._running.pop(pid), [])
        return [(pid, script.pop(0) if script else 0)]

    def signal(self, number: int) -> None:
        raise AssertionError


def job(folder: Path, name: str, *after: Job, retries: int = 0, run: Path | None = None) -> Job:
    return Job(name, folder / f"{name}.yaml", folder / f"{name}.log", tuple(after), retries, run)


def pooled(jobs: list[Job], parallel: int, statuses: Mapping[str, list[int]]) -> tuple[Scripted, dict[str, int]]:
    processes, outcomes = Scripted(statuses), []
    _Pool(Waiting(jobs), parallel, False, outcomes.append, processes, {}).run([])
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    return processes, {outcome.job.name: outcome.status for outcome in outcomes}


def test_a_job_starts_after_those_it_needs_and_not_after_a_failed_one(tmp_path: Path) -> None:
    first, bad = job(tmp_path, "first"), job(tmp_path, "bad")
    second, never = job(tmp_path, "second", first), job(tmp_path, "never", bad)
    last = job(tmp_path, "last", never)
    processes, ends = pooled([second, never, last, first, bad], 2, {"bad": [1]})
    assert processes.started == ["first", "bad", "second"]
    assert ends == {"first": 0, "bad": 1, "second": 0}
    assert processes.at_once == 2


def test_nothing_starts_from_a_run_that_diverged(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "0123456789ab")
    folder.create()
    ended = {"identity": folder.identity, "experiment": "x", "primary_metric": "entity_f1", "step": 1, "seconds": 1.0}
    Result(status="diverged", value=float("nan"), **ended).write(folder.result)
    broken = job(tmp_path, "broken", run=folder.path)
    processes, ends = pooled([broken, job(tmp_path, "never", broken)], 1, {})
    assert processes.started == ["broken"] and ends == {"broken": 0}


def test_a_failure_is_retried_as_often_as_it_may_and_an_interruption_never(tmp_path: Path) -> None:
    jobs = [job(tmp_path, name, retries=2) for name in ("mended", "broken", "stopped")]
    jobs.append(job(tmp_path, "downstream", jobs[0]))
    processes, ends = pooled(jobs, 1, {"mended": [1, -9, 0], "broken": [1, 1, 1, 0], "stopped": [130, 0]})
    assert processes.started.count("mended") == processes.started.count("broken") == 3
    assert processes.started.count("stopped") == 1
    assert ends == {"mended": 0, "broken": 1, "stopped": 130, "downstream": 0}


def test_a_run_that_another_process_trains_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = RunFolder(tmp_path / "0123456789ab")
    jobs = [job(tmp_path, "held", run=held.path), job(tmp_path, "free")]
    lock = RunLock(held)
    lock.__enter__()
    seen: list[str] = []

    class Releasing(Scripted):
        def ended(self, timeout: float | None) -> list[tuple[int, int]]:
            if self._running:
                return super().ended(timeout)
            seen.append("waited")
            lock.__exit__(None, None, None)
            return []

    processes = Releasing({})
    _Pool(Waiting(jobs), 2, False, lambda outcome: None, processes, {}).run([])
    assert seen == ["waited"]
    assert processes.started == ["free", "held"]


def test_after_an_interrupt_nothing_more_is_started(tmp_path: Path) -> None:
    interrupts: list[int] = []

    class Interrupted(Scripted):
        told: int = 0

        def ended(self, timeout: float | None) -> list[tuple[int, int]]:
            if not interrupts:
                interrupts.append(2)
                return []
            return super().ended(timeout)

        def signal(self, number: int) -> None:
            self.told += 1

    processes, outcomes = Interrupted({"a": [130]}), []
    jobs = [job(tmp_path, "a", retries=1), job(tmp_path, "b")]
    _Pool(Waiting(jobs), 1, False, outcomes.append, processes, {}).run(interrupts)
    assert processes.started == ["a"] and processes.told == 1
    assert [outcome.status for outcome in outcomes] == [130]


def test_each_job_gets_its_share_of_the_machine() -> None:
    assert [gpus(slot, 2, ["0", "1", "2", "3"]) for slot in (0, 1)] == [
        {"CUDA_VISIBLE_DEVICES": "0,1"},
        {"CUDA_VISIBLE_DEVICES": "2,3"},
    ]
    assert gpus(0, 1, ["5"]) == {"CUDA_VISIBLE_DEVICES": "5"}
    assert [gpus(slot, 3, ["a", "b"])["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == ["a", "b", "a"]
    assert gpus(0, 2, []) == {}
    assert present_gpus({"CUDA_VISIBLE_DEVICES": "3, 5"}) == ["3", "5"]
    assert present_gpus({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert threads(1000, {}) == {"OMP_NUM_THREADS": "1"}
    assert threads(1, {"OMP_NUM_THREADS": "7"}) == {"OMP_NUM_THREADS": "7"}
