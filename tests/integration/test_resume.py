"""A run killed anywhere and started again ends as an undisturbed one: bit for bit, weights, metrics and order."""

import os
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from docexp.runs.metrics_log import comparable, read

STEPS = 9
PLAN = [
    f"trainer.max_steps={STEPS}",
    "trainer.global_batch=4",
    "trainer.checkpoint_every=2",
    "trainer.validate_every=3",
    "trainer.log_every=1",
    "hardware.micro_batch=2",
]


def die_in_training_step(call: int) -> None:
    """Plants a SIGKILL in the ``call``-th micro-batch of this process."""
    from docexp.training.module import RunModule

    _die_before(RunModule, "training_step", call)


def die_in_validation(call: int) -> None:
    from docexp.training.module import RunModule

    _die_before(RunModule, "validation_step", call)


def die_while_saving(part: str, call: int) -> None:
    """Plants a SIGKILL between two of a checkpoint's operations: ``fsync``, ``rename`` or ``point``."""
    from docexp.training import checkpoint_io, checkpoints

    if part == "point":
        _die_before(checkpoints, "point", call)
    elif part == "fsync":
        _die_before(checkpoint_io, "_to_disk", call)
    else:
        _die_before(Path, "rename", call)


def _die_before(owner: object, name: str, call: int) -> None:
    original, calls = getattr(owner, name), [0]

    def dying(*args, **kwargs):
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, dying)


def note_order(file: Path) -> None:
    """Writes the keys of every training micro-batch, with the step it belongs to, as it is used."""
    from docexp.training.module import RunModule

    original = RunModule.training_step

    def noting(self, batch, batch_index):
        with file.open("a") as opened:
            opened.write(f"{self.trainer.global_step} {batch.micro_batch} {' '.join(batch.keys)}\n")
        return original(self, batch, batch_index)

    RunModule.training_step = noting


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    first()
    second()


@pytest.fixture
def undisturbed(start, tmp_path) -> Callable[..., tuple]:
    def run(*words: str) -> tuple:
        order = tmp_path / "undisturbed.order"
        process = start(*PLAN, *words, runs="undisturbed", before=partial(note_order, order))
        process.join()
        assert process.exitcode == 0, (tmp_path / "undisturbed.out").read_text()
        return outcome(tmp_path / "undisturbed", order)

    return run


def outcome(runs: Path, order: Path) -> tuple:
    """Weights, metrics without times, the order's last word on every micro-batch, and scores."""
    from docexp.runs.find import all_runs
    from docexp.runs.result import Result

    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    weights = {name: array.tobytes() for name, array in load_file(last / "model.safetensors").items()}
    lines = {}
    for line in order.read_text().splitlines():
        step, micro, keys = line.split(" ", 2)
        lines[step, micro] = keys
    result = Result.read(run.result)
    return weights, comparable(read(run.metrics)), lines, result.metrics, result.identity


DEATHS = [
    *[
        (f"training micro-batch {call}", partial(die_in_training_step, call))
        for call in random.Random(0).sample(range(2, 18), 3)
    ],
    ("validation", partial(die_in_validation, 1)),
    ("training just after a validation", partial(die_in_training_step, 7)),
    ("a checkpoint's files", partial(die_while_saving, "fsync", 2)),
    ("a checkpoint's rename", partial(die_while_saving, "rename", 2)),
    ("naming the last checkpoint", partial(die_while_saving, "point", 2)),
]


@pytest.mark.parametrize(("place", "death"), DEATHS, ids=[place for place, _ in DEATHS])
def test_killed_and_started_again_is_bit_equal(place, death, start, undisturbed, tmp_path) -> None:
    expected = undisturbed()
    order = tmp_path / "killed.order"
    killed = start(*PLAN, runs="killed", before=partial(both, partial(note_order, order), death))
    killed.join()
    assert killed.exitcode == -signal.SIGKILL, (tmp_path / "killed.out").read_text()
    again = start(*PLAN, runs="killed", before=partial(note_order, order))
    again.join()
    assert again.exitcode == 0, (tmp_path / "killed.out").read_text()
    weights, metrics, lines, scores, identity = outcome(tmp_path / "killed", order)
    assert identity == expected[4]
    assert lines == expected[2]
    assert metrics == expected[1]
    assert weights == expected[0]
    assert scores == expected[3]


def test_killed_with_workers_is_bit_equal_to_none(start, undisturbed, tmp_path) -> None:
    """Two data workers, killed twice; dropout and accumulation are on. Nothing of it may show."""
    expected = undisturbed()
    order = tmp_path / "killed.order"
    for call in (5, 9):
        death = partial(both, partial(note_order, order), partial(die_in_training_step, call))
        killed = start(*PLAN, "data.workers=2", runs="killed", before=death)
        killed.join()
        assert killed.exitcode == -signal.SIGKILL, (tmp_path / "killed.out").read_text()
    again = start(*PLAN, "data.workers=2", runs="killed", before=partial(note_order, order))
    again.join()
    assert again.exitcode == 0, (tmp_path / "killed.out").read_text()
    assert outcome(tmp_path / "killed", order) == expected
