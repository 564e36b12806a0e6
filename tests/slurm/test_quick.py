"""Jobs on a real Slurm: handed over, preempted, cancelled, two ranks."""

import subprocess
import sys

import pytest

from docexp.runs.environment import segments
from docexp.runs.find import all_runs
from docexp.runs.lock import holder_of
from docexp.studies import cluster as slurm_jobs

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

SLURM = "hydra/launcher=slurm"


def high_priority(site) -> None:
    """Another user's job that wants all of the cluster for a moment."""
    assert site.cluster.ask("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 0.1")


def test_a_sweep_is_handed_over_and_one_of_it_cancelled(site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.hold(seeds=(1,))
    sweep = ["-m", "seed=0,1", SLURM]
    output = site.train(*sweep)
    assert "2 runs: 0 finished, 2 to run" in output
    assert "2 submitted as Slurm job " in output and "squeue --jobs=" in output
    site.held(seed=1)
    site.until(lambda: any(run.result.is_file() for run in all_runs(site.runs)), "result of seed 0")
    output = site.train(*sweep)
    assert "2 runs: 1 finished, 1 submitted before, 0 to run" in output
    assert "seed=1  " in output and " running on " in output
    monkeypatch.setenv("SLURM_CONF", site.cluster.environment["SLURM_CONF"])
    (job,) = (job for job in site.cluster.ask("squeue", "-h", "-r", "-o", "%i").split() if job.endswith("_1"))
    assert slurm_jobs.states([job])[job].runs
    slurm_jobs.cancel([job])
    site.go()
    site.until(site.ended, "end of the cancelled job")
    state = slurm_jobs.states([job, "4711"])
    assert str(state[job]) == "was cancelled" and state[job].ended
    assert "does not know it any more" in str(state["4711"])
    (cancelled,) = (run for run in all_runs(site.runs) if not run.result.is_file())
    assert (cancelled.checkpoints / "last").read_text().strip() == "step-000004"
    assert segments(cancelled)[-1].outcome == "interrupted"
    assert holder_of(cancelled) is None
    (log,) = site.runs.glob(".sweeps/*/001.log")
    assert "interrupted after step 4, with a checkpoint" in "".join(slurm_jobs.last_words(log, job, lines=8))


def test_a_preempted_run_goes_on_and_ends_bit_equal(site, ends) -> None:
    site.hold(seeds=(0,))
    assert "1 submitted" in site.train("-m", SLURM)
    undisturbed = site.start("train", *site.words(), runs="undisturbed")
    site.held(seed=0)
    high_priority(site)
    (run,) = site.done()
    output, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, output
    assert [(part.outcome, part.resumed_from_step) for part in segments(run)] == [("preempted", 0), ("finished", 4)]
    assert len({part.job for part in segments(run)}) == 1
    assert "preempted after step 4, with a checkpoint: the requeued job goes on from it" in site.told()
    assert ends(site.runs) == ends(site.folder / "undisturbed")


def test_two_tasks_are_two_ranks(site, ends) -> None:
    from tests.slurm.conftest import TWO_RANKS

    assert "1 submitted" in site.train("-m", *TWO_RANKS, SLURM)
    site.train(*TWO_RANKS, runs="torchrun")
    (run,) = site.done()
    (part,) = segments(run)
    assert (part.devices, part.strategy, part.outcome) == (2, "ddp", "finished")
    assert ends(site.runs) == ends(site.folder / "torchrun")


def test_refusals(site) -> None:
    """Before anything starts, in a line or two, without a traceback."""
    refused = site.train("-m", SLURM, "hydra.launcher.partition=nope", status=2).splitlines()
    assert refused[-1] == (
        "docexp: Slurm refuses the job: Batch job submission failed: Invalid partition name specified. "
        "Set hydra.launcher.partition; sinfo lists them."
    )
    assert len(refused) == 2
    by_hand = ["srun", "-n2", "-N1", sys.executable, "-m", "docexp.cli", "train", *site.words()]
    done = subprocess.run(by_hand, env=site.environment, cwd=site.folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert "docexp: this job has 2 tasks on 1 node; hardware.nodes=1 and hardware.devices=1 need 1 on 1." in done.stderr
    assert done.stderr.count("docexp: ") == 1
