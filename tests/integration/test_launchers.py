"""Sweeps through submitit and joblib on this machine, and words about launching that would do nothing."""

from pathlib import Path

import pytest

from docexp.cli import main
from docexp.runs.environment import segments
from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result

QUICK = ["trainer.max_steps=5", "trainer.global_batch=4", "trainer.log_every=1"]

WARNED = """
import os
if "SUBMITIT_LOCAL_JOB_ID" in os.environ and not os.path.exists({place!r} + os.environ.get("SUBMITIT_LOCAL_GLOBALID")):
    import signal, time
    from docexp.training.module import RunModule
    original = RunModule.training_step
    def warned(self, batch, index):
        if self.trainer.global_step == 2:
            open({place!r} + os.environ["SUBMITIT_LOCAL_GLOBALID"], "w").close()
            os.kill(os.getpid(), signal.SIGUSR2)
            time.sleep(0.5)
        return original(self, batch, index)
    RunModule.training_step = warned
"""


class Warned:
    """Plants a warning of the job's end in its third step, once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> None:
        import os

        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(WARNED.format(place=str(self.folder / "warned-")))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))


def ends(runs: Path) -> tuple:
    (run,) = all_runs(runs)
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    weights = (last / "model.safetensors").read_bytes()
    return run.identity, weights, comparable(read(run.metrics)), Result.read(run.result).metrics


@pytest.mark.parametrize(
    "words",
    [[], pytest.param(["hardware.devices=2", "hardware.micro_batch=2"], marks=pytest.mark.slow)],
    ids=["one task", "two tasks"],
)
def test_a_job_that_is_warned_saves_starts_again_and_ends_bit_equal(words: list[str], train, tmp_path: Path) -> None:
    warned = Warned(tmp_path / "planted")
    status, output = train("-m", *QUICK, *words, "hydra/launcher=submitit_local", runs="warned", before=warned).wait()
    assert status == 0, output
    assert "1 runs: 0 finished, 1 to run" in output and "the only job  " in output
    (run,) = all_runs(tmp_path / "warned")
    assert [(part.outcome, part.resumed_from_step) for part in segments(run)] == [("preempted", 0), ("finished", 3)]
    status, output = train(*QUICK, *words, runs="undisturbed").wait()
    assert status == 0, output
    assert ends(tmp_path / "warned") == ends(tmp_path / "undisturbed")


def test_joblib_runs_jobs_and_tells_of_a_failure(train, tmp_path: Path) -> None:
    words = ["-m", *QUICK, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    # of run 0 nothing is known
    status, output = train(*words, "model.weights=null,run:000000000000").wait()
    assert status == 2, output
    status, output = train(*words, "seed=0", "label=a").wait()
    assert status == 0, output
    assert sum(run.result.is_file() for run in all_runs(tmp_path / "runs")) == 1


@pytest.mark.parametrize("word", ["hydra/launcher=slurm", "hydra.launcher.parallel=2"])
def test_launching_without_a_sweep_is_refused(word: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", word])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"docexp: {word} says how the runs of a sweep are started: add -m.\n"


def test_several_nodes_are_refused_outside_slurm(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "hardware.nodes=2"])
    assert ended.value.code == 2
    assert "hardware.nodes=2: more than one node needs Slurm. Use -m hydra/launcher=slurm" in capsys.readouterr().err
