"""Jobs on a real Slurm: dependencies, nodes, a killed rank, a killed login-side process, warnings at every moment."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from docexp.runs.environment import segments
from docexp.runs.find import all_runs
from docexp.studies import cluster as slurm_jobs
from docexp.studies.launchers import Job
from docexp.studies.slurm.launcher import SlurmLauncher
from tests.slurm.conftest import TWO_RANKS, Site, same

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.xdist_group("slurm")]

SLURM = "hydra/launcher=slurm"


def outcomes(site: Site) -> list[str]:
    (run,) = all_runs(site.runs)
    return [part.outcome for part in segments(run)]


def warn(site: Site) -> None:
    """As Slurm warns every process of a job's step."""
    (job,) = site.cluster.ask("squeue", "-h", "-o", "%A").split()
    site.cluster.ask("scancel", "--signal=USR2", job)


@pytest.fixture
def undisturbed(site: Site, ends: Callable[[Path], tuple]) -> Callable[..., tuple]:
    """What the same run comes to without a cluster."""

    def of(*words: str) -> tuple:
        site.train(*words, runs="undisturbed")
        return ends(site.folder / "undisturbed")

    return of


def test_two_nodes(site: Site, ends, undisturbed) -> None:
    nodes = ["hardware.nodes=2", "hardware.devices=1"]
    words = [word for word in TWO_RANKS if "devices" not in word]
    assert "1 submitted" in site.train("-m", *words, *nodes, SLURM)
    (run,) = site.done()
    (part,) = segments(run)
    assert (part.devices, part.strategy) == (2, "ddp")
    assert ends(site.runs) == undisturbed(*TWO_RANKS)


def test_two_ranks_are_preempted_together(site: Site, ends, undisturbed) -> None:
    site.hold(seeds=(0,))
    site.train("-m", *TWO_RANKS, SLURM)
    for rank in (0, 1):
        site.held(seed=0, rank=rank)
    warn(site)
    site.done()
    assert outcomes(site) == ["preempted", "finished"]
    assert ends(site.runs) == undisturbed(*TWO_RANKS)


@pytest.mark.parametrize("ranks", [[], TWO_RANKS], ids=["one process", "two ranks"])
def test_a_warning_while_scoring_requeues(site: Site, ends, undisturbed, ranks: list[str]) -> None:
    site.hold(seeds=(0,), step=0, name="test_step")
    site.train("-m", *ranks, SLURM)
    site.held(seed=0)
    warn(site)
    site.done()
    assert outcomes(site) == ["preempted", "finished"]
    assert ends(site.runs) == undisturbed(*ranks)


def test_a_warning_before_training_requeues(site: Site, ends, undisturbed) -> None:
    """While Python imports."""
    site.train("-m", SLURM)
    site.until(lambda: "Starting with JobEnvironment" in site.told(), "start")
    warn(site)
    site.until(lambda: "Requeued job" in site.told(), "requeueing")
    site.done()
    assert outcomes(site)[-1] == "finished"
    assert ends(site.runs) == undisturbed()


def test_a_time_limit_met_too_often_ends_a_job_that_can_go_on(site: Site, monkeypatch) -> None:
    """Within its last ten minutes submitit takes every warning for the end of a job's time."""
    site.hold(seeds=(0,))
    short = [SLURM, "hydra.launcher.timeout_min=5", "hydra.launcher.max_num_timeout=0", "hydra.launcher.wait=true"]
    waiting = site.start("train", *site.words("-m", *short))
    site.held(seed=0)
    warn(site)
    output, _ = waiting.communicate()
    assert waiting.returncode == 1
    assert "1 of 1 runs failed" in output
    assert "stopped by the time limit more often than hydra.launcher.max_num_timeout allows" in output
    assert outcomes(site) == ["preempted"]
    output = site.train("-m", *short[:1])
    site.done()
    assert outcomes(site) == ["preempted", "finished"]


def test_a_killed_rank_ends_the_job_and_the_same_command_goes_on(site: Site, ends, undisturbed, monkeypatch) -> None:
    monkeypatch.setenv("SLURM_CONF", site.cluster.environment["SLURM_CONF"])
    site.plant(
        f"""
        import os
        if os.environ.get("SLURM_PROCID") == "1" and not os.path.exists({str(site.folder / "killed")!r}):
            import signal
            from docexp.training.module import RunModule
            original = RunModule.training_step
            def dying(self, batch, index):
                if self.trainer.global_step == 4:
                    open({str(site.folder / "killed")!r}, "w").close()
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(self, batch, index)
            RunModule.training_step = dying
        """
    )
    words = [*TWO_RANKS, "trainer.checkpoint_every=3"]
    once = [SLURM, "hydra.launcher.wait=true", "hydra.launcher.retries=0"]
    output = site.train("-m", *words, *once, status=1)
    assert "failed with status 137" in output and "1 of 1 runs failed" in output
    site.train("-m", *words, SLURM)
    (run,) = site.done()
    assert [part.resumed_from_step for part in segments(run)] == [0, 3]
    assert ends(site.runs) == undisturbed(*words)


def test_a_job_that_crashes_is_started_again_so_often(site: Site) -> None:
    """One that its settings refuse is not."""
    site.plant(
        f"""
        import os
        if "SLURM_STEP_ID" in os.environ:
            from pathlib import Path
            from docexp.training.module import RunModule
            def crash(self, batch, index):
                with Path({str(site.folder / "crashes")!r}).open("a") as crashes:
                    crashes.write("crash\\n")
                raise RuntimeError("planted")
            RunModule.training_step = crash
        """
    )
    output = site.train("-m", SLURM, "hydra.launcher.wait=true", "hydra.launcher.retries=2", status=1)
    assert "RuntimeError: planted" in output and "1 of 1 runs failed" in output
    assert (site.folder / "crashes").read_text().count("crash") == 3


def test_jobs_outlive_who_waits_for_them(site: Site) -> None:
    site.hold(seeds=(0, 1))
    waiting = site.start("train", *site.words("-m", "seed=0,1", SLURM, "hydra.launcher.wait=true"))
    site.held(seed=0)
    os.kill(waiting.pid, signal.SIGKILL)
    waiting.communicate()
    site.go()
    site.done(count=2)
    assert "2 runs: 2 finished, 0 to run" in site.train("-m", "seed=0,1", SLURM)


def test_a_job_comes_after_the_others_result_or_not_at_all(site: Site, monkeypatch) -> None:
    for name, value in {**site.cluster.environment, "DOCEXP_RUNS": str(site.runs)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", site.environment["PYTHONPATH"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(site.folder)

    def job(name: str, *words: str, after: tuple[Job, ...] = ()) -> Job:
        config = site.folder / f"{name}.yaml"
        config.write_text(site.says("train", "--cfg", "job", *site.words(*words)))
        return Job(name, config, config.with_suffix(".log"), after)

    first = job("first")
    (site.folder / "none").mkdir()
    broken = job("broken", "model.weights=run:000000000000", "model.tokenizer=null", "seed=1")
    second = job("second", "seed=2", after=(first,))
    never = job("never", "seed=3", after=(broken,))
    launcher = SlurmLauncher()
    ids = launcher.launch([never, second, broken, first], again=False, ended=lambda outcome: None)
    site.until(site.ended, "end of all jobs")
    told = {name: str(slurm_jobs.states([number])[number]) for name, number in ids.items()}
    assert told == {
        "first": "completed",
        "second": "completed",
        "broken": "failed with status 2",
        "never": "was cancelled",
    }
    assert any("000000000000" in line for line in slurm_jobs.last_words(broken.log, ids["broken"]))
    runs = {run.read_config()["seed"]: run for run in all_runs(site.runs)}
    assert sorted(runs) == [0, 2]
    assert segments(runs[2])[0].started >= segments(runs[0])[-1].ended
    assert same(runs[0])[0] != same(runs[2])[0]
