"""A rank that loses another one ends in silence: what is to be said, the other's end says."""

from types import SimpleNamespace

import pytest

from docexp.training import torchrun


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setattr(torchrun.ctypes, "CDLL", lambda name: SimpleNamespace(prctl=lambda option, value: 0))
    monkeypatch.setattr(torchrun.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    "words",
    [
        "[pair.cc:534] Connection closed by peer [127.0.0.1]:2671",
        "[pair.cc:547] Read error [127.0.0.1]:2671: Connection reset by peer",
        "[pair.cc:449] writev [127.0.0.1]:2671: Broken pipe",
        "[pair.cc:871] Socket closed [127.0.0.1]:2671",
    ],
)
def test_a_lost_neighbour_ends_a_rank_quietly(ranked: None, words: str) -> None:
    with pytest.raises(SystemExit) as ended, torchrun.one_of_several():
        raise RuntimeError(words)
    assert ended.value.code == torchrun.PEER_GONE


def test_other_faults_are_raised(ranked: None) -> None:
    with pytest.raises(RuntimeError, match="shapes"), torchrun.one_of_several():
        raise RuntimeError("shapes do not fit")
