"""What a study's status says of jobs on a cluster, where the cluster answers and where it does not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docexp.errors import DocexpError
from docexp.studies import on_cluster
from docexp.studies.cluster import JobState
from docexp.studies.submissions import Submissions


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    settings = SimpleNamespace(paths=SimpleNamespace(runs=str(tmp_path)))
    wanted = [SimpleNamespace(identity=name, run=SimpleNamespace(settings=settings)) for name in ("handed", "here")]
    Submissions(tmp_path).add("handed", "48213_7", tmp_path / "handed.log")
    return SimpleNamespace(runs=wanted, missing=wanted)


def test_jobs_are_told_with_their_state(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_cluster, "states", lambda ids: {job: JobState(job, "RUNNING", "n2", 1) for job in ids})
    assert on_cluster.jobs_in_words(plan) == {"handed": "job 48213_7 running on n2, requeued once"}


def test_a_cluster_that_does_not_answer_leaves_the_id(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(ids: list[str]) -> dict[str, JobState]:
        raise DocexpError("squeue is not here")

    monkeypatch.setattr(on_cluster, "states", silent)
    assert on_cluster.jobs_in_words(plan) == {"handed": "job 48213_7 (Slurm does not answer here)"}
    with pytest.raises(DocexpError, match="not here"):  # what starts or cancels jobs must know
        on_cluster.jobs_of(plan)
