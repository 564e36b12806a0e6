"""A run killed anywhere and started again ends as an undisturbed one: bit for bit, weights, metrics and order."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result

STEPS = 9
PLAN = [
    f"trainer.max_steps={STEPS}",
    "trainer.global_batch=4",
    "trainer.checkpoint_every=2",
    "trainer.validate_every=3",
    "trainer.log_every=1",
    "hardware.micro_batch=2",
    "trainer.selection=best_minival",
]
"""18 micro-batches in 9 steps over one and a half epochs, with dropout, accumulation, clipping and validations."""


@dataclass
class Outcome:
    """All that two runs which computed the same have in common."""

    identity: str
    weights: dict[str, bytes]
    metrics: list[dict[str, float]]
    order: dict[tuple[str, str], str]
    scores: dict[str, float]


def outcome(runs: Path, order: Path) -> Outcome:
    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    assert last.name == f"step-{STEPS:06d}"
    used = {}
    for line in order.read_text().splitlines():
        step, micro, keys = line.split(" ", 2)
        used[step, micro] = keys  # a step that was trained again, after a kill, counts as it was used last
    return Outcome(
        run.identity,
        {name: array.tobytes() for name, array in load_file(last / "model.safetensors").items()},
        comparable(read(run.metrics)),
        used,
        Result.read(run.result).metrics,
    )


def note_order(file: Path) -> None:
    """Plants: the step, number and keys of every training micro-batch are written down as it is used."""
    from docexp.training.module import RunModule

    original = RunModule.training_step

    def noting(self: Any, batch: Any, batch_index: int) -> Any:
        with file.open("a") as opened:
            opened.write(f"{self.trainer.global_step} {batch.micro_batch} {' '.join(batch.keys)}\n")
        return original(self, batch, batch_index)

    RunModule.training_step = noting


def die_in(method: str, call: int) -> None:
    """Plants a SIGKILL in a call of ``training_step``, ``validation_step`` or ``test_step``."""
    from docexp.training.module import RunModule

    _die_before(RunModule, method, call)


def die_while_saving(part: str, call: int) -> None:
    """Plants a SIGKILL between two of a checkpoint's operations."""
    import shutil

    from docexp.training import checkpoint_io, checkpoints

    owner = {
        "save_file": checkpoint_io,
        "save": checkpoint_io.torch,
        "point": checkpoints,
        "rename": Path,
        "rmtree": shutil,
    }
    _die_before(owner[part], part, call)


def _die_before(owner: object, name: str, call: int) -> None:
    original, calls = getattr(owner, name), [0]

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, dying)


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    first()
    second()


REFERENCES: dict[str, Outcome] = {}


@pytest.fixture
def undisturbed(train, tmp_path: Path) -> Outcome:
    """The run that nothing happened to; made once for all tests of this process."""
    if "one" not in REFERENCES:
        order = tmp_path / "undisturbed.order"
        status, output = train(*PLAN, runs="undisturbed", before=partial(note_order, order)).wait()
        assert status == 0, output
        REFERENCES["one"] = outcome(tmp_path / "undisturbed", order)
    return REFERENCES["one"]


ANYWHERE = random.Random(0).sample(range(2, 18), 3)
DEATHS = {
    **{f"training micro-batch {call}": partial(die_in, "training_step", call) for call in ANYWHERE},
    "a step whose predecessor has metrics but no checkpoint": partial(die_in, "training_step", 12),
    "training just after a validation": partial(die_in, "training_step", 7),
    "a validation": partial(die_in, "validation_step", 1),
    "the final evaluation": partial(die_in, "test_step", 1),
    "writing a checkpoint's weights": partial(die_while_saving, "save_file", 2),
    "writing a checkpoint's optimiser": partial(die_while_saving, "save", 2),
    "putting a checkpoint in place": partial(die_while_saving, "rename", 3),
    "naming the last checkpoint": partial(die_while_saving, "point", 3),
    "removing the one before": partial(die_while_saving, "rmtree", 4),
}


def killed_and_started_again(train, tmp_path: Path, death: Callable[[], None], *words: str) -> Outcome:
    order = tmp_path / "killed.order"
    planted = partial(both, partial(note_order, order), death)
    status, output = train(*PLAN, *words, runs="killed", before=planted).wait()
    assert status == -signal.SIGKILL, output
    status, output = train(*PLAN, *words, runs="killed", before=partial(note_order, order)).wait()
    assert status == 0, output
    return outcome(tmp_path / "killed", order)


@pytest.mark.xdist_group("resume")
@pytest.mark.parametrize("place", DEATHS)
def test_killed_and_started_again_is_bit_equal(place: str, train, undisturbed: Outcome, tmp_path: Path) -> None:
    assert killed_and_started_again(train, tmp_path, DEATHS[place]) == undisturbed


@pytest.mark.xdist_group("resume")
def test_killed_and_started_again_is_bit_equal_in_bf16(train, tmp_path: Path) -> None:
    words = ["hardware.precision=bf16-mixed", "model.attention_dropout=0.1"]
    order = tmp_path / "undisturbed.order"
    status, output = train(*PLAN, *words, runs="undisturbed", before=partial(note_order, order)).wait()
    assert status == 0, output
    killed = killed_and_started_again(train, tmp_path, partial(die_in, "training_step", 10), *words)
    assert killed == outcome(tmp_path / "undisturbed", order)


PRETRAINING = ["task=pretraining", "objective=[wpa,mlm,mim]", "objective.mim.target=pixels", "objective.mim.smallest=1"]


@pytest.mark.xdist_group("resume")
def test_pretraining_killed_with_two_workers_is_bit_equal_to_none(train, tmp_path: Path) -> None:
    """Masks, their order and every objective's loss included; two micro-batches make a step."""
    order = tmp_path / "undisturbed.order"
    status, output = train(*PLAN, *PRETRAINING, runs="undisturbed", before=partial(note_order, order)).wait()
    assert status == 0, output
    expected = outcome(tmp_path / "undisturbed", order)
    lines = [line for line in expected.metrics if "loss" in line]
    parts = ("mlm", "mim", "wpa")
    assert all(line["loss"] == pytest.approx(sum(line[f"{part}/loss"] for part in parts), rel=1e-5) for line in lines)
    assert len({line["mlm/targets"] for line in lines}) > 1 < len({line["wpa/targets"] for line in lines})
    words = [*PRETRAINING, "data.workers=2"]
    assert killed_and_started_again(train, tmp_path, partial(die_in, "training_step", 10), *words) == expected


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("call", range(1, 2 * STEPS + 1))
def test_killed_in_any_micro_batch(call: int, workers: int, train, undisturbed: Outcome, tmp_path: Path) -> None:
    death = partial(die_in, "training_step", call)
    assert killed_and_started_again(train, tmp_path, death, f"data.workers={workers}") == undisturbed


@pytest.mark.xdist_group("resume")
def test_killed_twice_with_workers_is_bit_equal_to_no_worker(train, undisturbed: Outcome, tmp_path: Path) -> None:
    order = tmp_path / "killed.order"
    for call in (5, 9):
        death = partial(both, partial(note_order, order), partial(die_in, "training_step", call))
        status, output = train(*PLAN, "data.workers=2", runs="killed", before=death).wait()
        assert status == -signal.SIGKILL, output
    status, output = train(*PLAN, "data.workers=2", runs="killed", before=partial(note_order, order)).wait()
    assert status == 0, output
    assert outcome(tmp_path / "killed", order) == undisturbed


def interrupt(call: int) -> None:
    """Plants a Ctrl-C in the ``call``-th micro-batch: as from a terminal, it reaches all processes of the group."""
    from docexp.training.module import RunModule

    os.setpgrp()

    original, calls = RunModule.training_step, [0]

    def interrupted(self: Any, batch: Any, batch_index: int) -> Any:
        calls[0] += 1
        if calls[0] == call:
            os.killpg(0, signal.SIGINT)
        return original(self, batch, batch_index)

    RunModule.training_step = interrupted


@pytest.mark.xdist_group("resume")
@pytest.mark.parametrize(("call", "workers"), [(9, 0), (11, 0), (9, 2)], ids=["between", "at a validation", "workers"])
def test_interrupted_saves_its_step_and_goes_on(
    call: int, workers: int, train, undisturbed: Outcome, tmp_path: Path
) -> None:
    order = tmp_path / "stopped.order"
    planted = partial(both, partial(note_order, order), partial(interrupt, call))
    status, output = train(*PLAN, f"data.workers={workers}", runs="stopped", before=planted).wait()
    assert status == 130, output
    step = (call + 1) // 2
    assert f"interrupted after step {step}, with a checkpoint" in output
    status, output = train(*PLAN, runs="stopped", before=partial(note_order, order)).wait()
    assert status == 0, output
    assert f"resumed at step {step}" in output
    assert outcome(tmp_path / "stopped", order) == undisturbed
