"""Ranks that are not about to train the same run say so before anything is built."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docexp.errors import DocexpError
from docexp.training import meeting

PLAIN = {
    "experiment": "custom",
    "paths": {"runs": "/here"},
    "optim": {"lr": 1e-3},
    "trainer": {"max_steps": 5},
    "hardware": {"devices": 2},
}


def resolved(identity: str, checksum: str, **changed: Any) -> Any:
    hardware = SimpleNamespace(accelerator="cpu")
    settings = SimpleNamespace(hardware=hardware, plain={**PLAIN, **changed})
    return SimpleNamespace(settings=settings, identity=identity, extras={"data": checksum}, folder=Path("/here"))


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What rank 0 and this rank, 1, say; this one's words are filled in."""
    said: list[tuple] = []

    def gather(everyone: list, own: tuple) -> None:
        everyone[:] = [*said, own]

    monkeypatch.setattr(meeting.ranks, "join", lambda: None)
    monkeypatch.setattr(meeting.dist, "init_process_group", lambda backend: None)
    monkeypatch.setattr(meeting.dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(meeting.dist, "all_gather_object", gather)
    return said


def first(run: Any, done: bool = False) -> tuple:
    return ("n1", run.identity, meeting.significant(run.settings.plain, run.extras), done)


def test_the_same_run_is_trained_and_rank_0_knows_whether_at_all(others: list[tuple]) -> None:
    run = resolved("a", "1")
    for done in (False, True):
        others[:] = [first(run, done)]
        elsewhere = resolved("a", "1", paths={"runs": "/there"})
        assert meeting.meet(elsewhere, done=not done) is done


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (resolved("b", "2"), "extras.data is 2, not 1"),
        (resolved("b", "1", optim={"lr": 2e-3}), r"optim.lr is 0.002, not 0.001"),
        (resolved("b", "1", optim={"lr": 1e-3, "decay": 3}), "optim.decay is 3, not None"),
        (resolved("b", "1", paths={"runs": "/there"}), "docexp is of another version"),
    ],
)
def test_another_run_is_refused_with_what_differs(others: list[tuple], run: Any, said: str) -> None:
    others[:] = [first(resolved("a", "1"))]
    with pytest.raises(DocexpError, match=rf"rank 1 on .* would train run b, rank 0 run a: {said}"):
        meeting.meet(run, done=False)
