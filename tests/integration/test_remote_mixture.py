"""A mixture of three corpora behind HTTP: killed, its cache emptied, started again, bit-equal to local folders."""

import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticForms, SyntheticReceipts
from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards

CORPORA = {
    "forms": SyntheticForms(train=13, validation=2, test=2),
    "noisy": SyntheticForms(train=5, validation=0, test=0, seed=1),
    "receipts": SyntheticReceipts(train=9, validation=0, test=3, seed=2),
}
PLAN = ["trainer.max_steps=9", "trainer.global_batch=6", "trainer.checkpoint_every=2", "trainer.validate_every=3"]
PLAN += ["trainer.log_every=1", "hardware.micro_batch=3", "data=mixture", "data.weights={forms:3,noisy:2,receipts:1}"]
PLAN += ["data.block_shards=1"]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    for name, reader in CORPORA.items():
        facts = SetFacts(name=name, licence="none", command="")
        write_shards(reader.pages(None, Report()), folder / name, facts, shard_bytes=200_000)
    return folder


@pytest.fixture(scope="module")
def url(corpora: Path, serve: Callable[[Path], str]) -> str:
    return serve(corpora)


def words(root: str | Path, cache: Path) -> list[str]:
    own = [f"data.corpora.{name}={root}/{name}" for name in ("forms", "receipts")]
    return [*PLAN, *own, f"+data.corpora.noisy={root}/noisy", f"data.cache={cache}", "data.cache_gb=0.01"]


def die(call: int, notes: Path) -> None:
    """Plants a SIGKILL in a training step, 0 for none; the keys of every micro-batch are written down."""
    from docexp.training.module import RunModule

    original, calls = RunModule.training_step, [0]

    def dying(self, batch, number):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        with notes.open("a") as file:
            file.write(f"{self.trainer.global_step} {batch.micro_batch} {' '.join(batch.keys)}\n")
        return original(self, batch, number)

    RunModule.training_step = dying


def outcome(runs: Path, notes: Path):
    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    used = {tuple(line.split(" ")[:2]): line for line in notes.read_text().splitlines()}
    weights = {name: array.tobytes() for name, array in load_file(last / "model.safetensors").items()}
    result = Result.read(run.result)
    return run.identity, weights, comparable(read(run.metrics)), used, result.metrics, result.drawn


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_killed_with_its_cache_emptied_and_started_again_is_bit_equal(
    workers: int, train, corpora: Path, url: str, tmp_path: Path
) -> None:
    notes = tmp_path / "local.notes"
    status, output = train(*words(corpora, tmp_path / "none"), runs="local", before=partial(die, 0, notes)).wait()
    assert status == 0, output
    assert "pages drawn: forms 27, noisy 18, receipts 9" in output
    local = outcome(tmp_path / "local", notes)
    keys = [key for line in local[3].values() for key in line.split(" ")[2:]]
    assert {key.partition("/")[0] for key in keys} == set(CORPORA)
    far, notes, cache = words(url, tmp_path / "cache"), tmp_path / "far.notes", tmp_path / "cache"
    far.append(f"data.workers={workers}")
    status, output = train(*far, runs="far", before=partial(die, 11, notes)).wait()
    assert status == -signal.SIGKILL, output
    assert list((cache / "tars").iterdir())
    shutil.rmtree(cache)
    # the tokenizer that was trained lay beside the index, in the cache: it is trained again, to the same
    status, output = train(*far, runs="far", before=partial(die, 0, notes)).wait()
    assert status == 0, output
    assert outcome(tmp_path / "far", notes) == local
    assert "resumed at step 4" in output
