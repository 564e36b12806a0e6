"""Several ranks, of which one or all die: nobody hangs, and the same command ends bit-equal to an undisturbed run."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result

PLAN = [
    "hardware.accelerator=cpu",
    "hardware.devices=2",
    "hardware.micro_batch=1",
    "trainer.max_steps=5",
    "trainer.global_batch=4",
    "trainer.checkpoint_every=2",
    "trainer.validate_every=3",
    "trainer.log_every=1",
]
"""5 steps of two micro-batches on each of two ranks, with AdamW, dropout, clipping and a validation."""

STRATEGIES = {
    "ddp": ["hardware=ddp", "hardware.precision=fp32"],
    "ddp bf16-mixed": ["hardware=ddp"],
    "zero2": ["hardware=deepspeed_zero2", "hardware.precision=fp32"],
    "zero2 bf16-mixed": ["hardware=deepspeed_zero2"],
    "zero2 bf16-params": ["hardware=deepspeed_zero2", "hardware.precision=bf16-params"],
}

PLANTED = """
    import signal
    from docexp.training import checkpoint_io
    from docexp.training.module import RunModule
    from docexp.training.strategies import zero_state
    owner = {owners}["{name}"]
    original, calls = getattr(owner, "{name}"), [0]
    def dying(*args, **kwargs):
        calls[0] += 1
        if calls[0] == {call}:
            os.kill({who}, signal.SIGKILL)
        return original(*args, **kwargs)
    setattr(owner, "{name}", dying)
"""
OWNERS = (
    "{'training_step': RunModule, 'validation_step': RunModule, 'test_step': RunModule, 'save_file': checkpoint_io, "
    "'optimizer_state': zero_state}"
)


def death(name: str, call: int, who: str = "os.getpid()") -> str:
    """A SIGKILL in the ``call``-th call; of the process that started the ranks, it kills them all."""
    return PLANTED.format(owners=OWNERS, name=name, call=call, who=who)


def ends(runs: Path) -> tuple:
    """Everything that two runs which computed the same have in common."""
    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    (optimizer,) = torch.load(last / "training.ckpt", weights_only=True)["optimizer_states"]
    states = {
        (place, key): value.tolist() for place, state in optimizer["state"].items() for key, value in state.items()
    }
    weights = (last / "model.safetensors").read_bytes()
    return run.identity, weights, states, comparable(read(run.metrics)), Result.read(run.result).metrics


def killed_and_started_again(train, tmp_path: Path, words: list[str], planted: Callable[[], None]) -> str:
    status, output = train(*PLAN, *words, runs="undisturbed").wait()
    assert status == 0, output
    status, killed = train(*PLAN, *words, runs="killed", before=planted).wait()
    assert status in (137, -9), killed
    status, output = train(*PLAN, *words, runs="killed").wait()
    assert status == 0, output
    assert "  resumed at step" in output  # no orphan has gone on in the meantime
    assert ends(tmp_path / "killed") == ends(tmp_path / "undisturbed")
    return killed


@pytest.mark.slow
def test_a_rank_dies_under_zero2(train, cli, in_rank, tmp_path: Path) -> None:
    """The terminal shows a run's own words, and of all that two ranks and DeepSpeed could say one line."""
    planted = in_rank(1, death("training_step", 8))
    output = killed_and_started_again(train, tmp_path, STRATEGIES["zero2"], planted)
    assert {line.split()[0] for line in output.splitlines()} == {"run", "0.1M", "step", "docexp:"}
    assert output.count("docexp:") == 1
    assert "rank 1 was killed (SIGKILL)" in output
    (run,) = all_runs(tmp_path / "killed")
    result = Result.read(run.result)
    status, output = cli("evaluate", run.identity, "hardware=cpu", runs="killed").wait()
    assert status == 0, output
    assert result.evaluation in output
    evaluation = json.loads((run.path / result.evaluation / "result.json").read_text())
    assert evaluation["metrics"] == result.metrics


@pytest.mark.slow
def test_all_die_under_ddp(train, in_rank, tmp_path: Path) -> None:
    planted = in_rank(0, death("training_step", 8, who="os.getppid()"))
    killed_and_started_again(train, tmp_path, STRATEGIES["ddp"], planted)


def test_an_error_of_one_rank_is_said_once(train, in_rank) -> None:
    raising = """
        from docexp.errors import DocexpError
        from docexp.training.module import RunModule
        def training_step(self, batch, index):
            raise DocexpError("this page is torn")
        RunModule.training_step = training_step
    """
    status, output = train(*PLAN, before=in_rank(1, raising)).wait()
    assert status == 2, output
    assert output.endswith("docexp: this page is torn\n")
    assert output.count("docexp:") == 1
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "zero2"])
def test_interrupted_ranks_save_their_step_together(strategy: str, train, in_rank, tmp_path: Path) -> None:
    """As Ctrl-C at a terminal: the process that started the ranks gets it, and tells them."""
    words = STRATEGIES[strategy]
    pressed = death("training_step", 3, who="os.getppid()").replace("SIGKILL", "SIGINT")
    status, output = train(*PLAN, *words, runs="killed", before=in_rank(0, pressed)).wait()
    assert status == 130, output
    assert output.splitlines()[-1] == "interrupted after step 2, with a checkpoint: the same command goes on from it"
    assert not [line for line in output.splitlines() if line.startswith("W")]
    status, output = train(*PLAN, *words, runs="killed").wait()
    assert status == 0, output
    status, output = train(*PLAN, *words, runs="undisturbed").wait()
    assert status == 0, output
    assert ends(tmp_path / "killed") == ends(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "zero2"])
def test_three_ranks_sum_in_the_same_order_after_a_start(strategy: str, train, in_rank, tmp_path: Path) -> None:
    """Two numbers have one sum; with three it depends on the order."""
    words = [*STRATEGIES[strategy], "hardware.devices=3", "trainer.global_batch=6"]
    killed_and_started_again(train, tmp_path, words, in_rank(1, death("training_step", 8)))


OTHERS = {**STRATEGIES, "one process": ["hardware.devices=1"]}
CHANGES = [("zero2", "one process"), ("zero2", "ddp"), ("ddp", "zero2"), ("zero2 bf16-mixed", "ddp bf16-mixed")]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), CHANGES, ids=[" to ".join(change) for change in CHANGES])
def test_goes_on_on_other_processes(before: str, after: str, train, in_rank, tmp_path: Path) -> None:
    words = [*PLAN, "model.dropout=0", "model.attention_dropout=0", "task.head_dropout=0"]
    status, output = train(*words, *STRATEGIES[before], runs="undisturbed").wait()
    assert status == 0, output
    killed = train(*words, *STRATEGIES[before], runs="killed", before=in_rank(1, death("training_step", 8)))
    assert killed.wait()[0] == 137
    status, output = train(*words, *OTHERS[after], runs="killed").wait()
    assert status == 0, output
    assert "resumed at step 3" in output
    (identity, _, states, lines, _), other = (ends(tmp_path / name) for name in ("undisturbed", "killed"))
    assert identity == other[0]
    assert states.keys() == other[2].keys()
    mixed = "bf16" in before
    for line, same in zip(lines, other[3], strict=True):
        np.testing.assert_allclose(same.get("loss", 0), line.get("loss", 0), rtol=1e-3 if mixed else 1e-5)
    for key, value in states.items():
        np.testing.assert_allclose(other[2][key], value, rtol=0.1 if mixed else 1e-3, atol=1e-4 if mixed else 1e-7)


DEATHS = {
    "a rank in training": (1, death("training_step", 8)),
    "rank 0 in training": (0, death("training_step", 9)),
    "all in training": (0, death("training_step", 6, who="os.getppid()")),
    "a rank in the validation": (1, death("validation_step", 1)),
    "all in the final evaluation": (0, death("test_step", 1, who="os.getppid()")),
    "rank 0 writing": (0, death("save_file", 2)),
    "a rank giving its part": (1, death("optimizer_state", 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", DEATHS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_anywhere_under_any_strategy(strategy: str, place: str, train, in_rank, tmp_path: Path) -> None:
    if "giving" in place and "zero" not in strategy:
        pytest.skip("DDP has no parts")
    killed_and_started_again(train, tmp_path, STRATEGIES[strategy], in_rank(*DEATHS[place]))
