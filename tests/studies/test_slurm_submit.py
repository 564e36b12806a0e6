"""What sbatch is given, and what becomes of its refusals; a script stands in for it here."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from docexp.errors import DocexpError
from docexp.runs.result import Result
from docexp.studies.launchers import Job, LocalLauncher
from docexp.studies.slurm import submit
from docexp.studies.slurm.launcher import SlurmLauncher
from docexp.studies.slurm.resources import Resources
from docexp.studies.submitted import SubmittedTraining

SBATCH = """#!/bin/sh
n=$(ls {folder} | grep -c '\\.sh$')
{refusal}
cp "$1" {folder}/$n.sh
echo "Submitted batch job 1$n"
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts a cluster's commands on the path; ``refusal`` is said instead of taking the job numbered ``at``."""
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    def make(refusal: str = "", at: int = 0) -> Path:
        folder = tmp_path / "given"
        folder.mkdir()
        says = f"[ $n = {at} ] && {{ printf '{refusal}\\n' >&2; exit 1; }}" if refusal else ""
        commands = {
            "sbatch": SBATCH.format(folder=folder, refusal=says),
            "srun": "#!/bin/sh\n",
            "scancel": f"#!/bin/sh\necho $* >> {folder}/cancelled\n",
        }
        for name, script in commands.items():
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / name).write_text(script)
            (tmp_path / "bin" / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        return folder

    return make


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """A job of a run with such hardware."""

    def make(name: str, after: tuple[Job, ...] = (), workers: int = 2, **hardware: Any) -> Job:
        settings = {"accelerator": "cpu", "nodes": 1, "devices": 1, "threads": None, **hardware}
        config = tmp_path / f"{name}.yaml"
        config.write_text(yaml.safe_dump({"hardware": settings, "data": {"workers": workers}}))
        return Job(name, config, config.with_suffix(".log"), after)

    return make


def options(script: Path) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script.read_text(), flags=re.MULTILINE))


def launch(jobs: list[Job], **settings: Any) -> dict[str, str]:
    return SlurmLauncher(**settings).launch(jobs, again=False, ended=lambda outcome: None)


def test_equal_jobs_are_an_array(slurm, job) -> None:
    given = slurm()
    ids = launch([job("a"), job("b"), job("c")], partition="a100", parallel=2, mem_gb=1.5)
    assert ids == {"a": "10_0", "b": "10_1", "c": "10_2"}
    asked = options(given / "0.sh")
    assert asked["array"] == "0-2%2"
    assert (asked["partition"], asked["mem"], asked["time"], asked["signal"]) == ("a100", "1536M", "720", "USR2@120")
    assert "requeue" in asked and "dependency" not in asked and "gpus-per-node" not in asked
    assert not (given / "1.sh").exists()


def test_resources_follow_from_the_hardware(slurm, job) -> None:
    given = slurm()
    ids = launch([job("cpu", threads=3), job("gpus", accelerator="gpu", nodes=2, devices=4, workers=5)])
    assert ids == {"cpu": "10", "gpus": "11"}
    small, large = options(given / "0.sh"), options(given / "1.sh")
    assert (small["nodes"], small["ntasks-per-node"], small["cpus-per-task"]) == ("1", "1", "5")
    assert (large["nodes"], large["ntasks-per-node"], large["cpus-per-task"]) == ("2", "4", "6")
    assert large["gpus-per-node"] == "4"
    script = (given / "1.sh").read_text()
    assert "--cpus-per-task=6" in script.split("srun ")[1] and "--kill-on-bad-exit=1" in script
    assert 'export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"' in script


def test_site_words_reach_the_script(slurm, job) -> None:
    given = slurm()
    words = {"setup": ["module load cuda"], "container": "apptainer exec x.sif", "python": "/opt/python"}
    launch([job("a", accelerator="gpu")], gres="gpu:a100:1", sbatch={"exclude": "n7"}, srun=["--mpi=none"], **words)
    script, asked = (given / "0.sh").read_text(), options(given / "0.sh")
    assert asked["gres"] == "gpu:a100:1" and asked["exclude"] == "n7" and "gpus-per-node" not in asked
    assert script.index("module load cuda") < script.index("srun ")
    assert "--mpi=none apptainer exec x.sif /opt/python -S -E -c " in script
    assert "/opt/python -u -m submitit.core._submit " in script


def test_what_comes_after_waits_for_a_result(slurm, job) -> None:
    given = slurm()
    one, two = job("one"), job("two")
    ids = launch([job("a", after=(one,)), one, two, job("b", after=(one,)), job("c", after=(one, two))])
    assert ids == {"one": "10_0", "two": "10_1", "a": "11_0", "b": "11_1", "c": "12"}
    both = options(given / "2.sh")
    assert both["dependency"] == "afterok:10_0:10_1" and both["kill-on-invalid-dep"] == "yes"
    assert options(given / "1.sh")["dependency"] == "afterok:10_0"


def test_an_earlier_launchs_job_can_be_waited_for(slurm, job) -> None:
    given = slurm()
    launch([job("a", after=(replace(job("pretrain"), submitted="77_3"), job("finished")))])
    assert options(given / "0.sh")["dependency"] == "afterok:77_3"


def test_a_job_says_itself_how_often_it_is_started_again_or_the_launcher_does(slurm, job) -> None:
    given = slurm()
    ids = launch([job("a"), replace(job("never"), retries=0), replace(job("often"), retries=5)], retries=2)
    assert ids == {"a": "10", "never": "11", "often": "12"}
    scripts = [(given / f"{number}.sh").read_text() for number in range(3)]
    assert "-le 2 ] && scontrol requeue" in scripts[0]
    assert "scontrol requeue" not in scripts[1]
    assert "-le 5 ] && scontrol requeue" in scripts[2]


def test_a_job_after_a_diverged_run_trains_nothing(job, tmp_path: Path, capsys, monkeypatch) -> None:
    def trains(words: list[str]) -> None:
        raise AssertionError(words)

    monkeypatch.setattr("docexp.cli.main", trains)
    for status, said in (("diverged", "not started: run 3fa91c0b77de diverged"), ("finished", "")):
        run = tmp_path / status / "3fa91c0b77de"
        run.mkdir(parents=True)
        result = Result(
            identity=run.name, experiment="x", status=status, primary_metric="entity_f1", value=0.5, step=1, seconds=1
        )
        result.write(run / "result.json")
        training = SubmittedTraining.prepared(job("a", after=(replace(job("before"), folder=run),)), again=False)
        if said:
            assert training._train() == 0
            assert said in capsys.readouterr().out
        else:
            with pytest.raises(AssertionError, match="config="):
                training._train()


def test_long_arrays_come_in_parts(slurm, job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "LONGEST_ARRAY", 2)
    slurm()
    ids = launch([job(name) for name in "abc"])
    assert ids == {"a": "10_0", "b": "10_1", "c": "11"}


def test_a_rank_that_submits_hands_on_nothing_of_its_place(slurm, job, monkeypatch: pytest.MonkeyPatch) -> None:
    given = slurm()
    script = given.parent / "bin" / "sbatch"
    script.write_text(script.read_text() + f"env > {given}/env\n")
    hidden = {"MASTER_ADDR", "RANK", "TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "SUBMITIT_EXECUTOR"}
    for name in (*hidden, "SLURM_CONF", "KEEP"):
        monkeypatch.setenv(name, "1")
    launch([job("a")])
    names = {line.partition("=")[0] for line in (given / "env").read_text().splitlines()}
    assert {"SLURM_CONF", "KEEP"} <= names
    assert not hidden & names
    assert os.environ["RANK"] == "1"


def test_what_has_a_result_already_is_not_waited_for(slurm, job) -> None:
    given = slurm()
    launch([job("a", after=(job("finished"),))])
    assert "dependency" not in options(given / "0.sh")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "sbatch: error: invalid partition specified: x\\nsbatch: error: Batch job submission failed: Invalid "
            "partition name specified",
            "Slurm refuses the job: Batch job submission failed: Invalid partition name specified. "
            "Set hydra.launcher.partition; sinfo lists them.",
        ),
        (
            "sbatch: error: fetch_config: DNS SRV lookup failed\\nsbatch: fatal: Could not establish a configuration "
            "source",
            "Slurm refuses the job: fatal: Could not establish a configuration source. "
            "Is this a machine of the cluster? Otherwise export SLURM_CONF=/path/to/slurm.conf.",
        ),
        ("sbatch: error: something else", "Slurm refuses the job: something else."),
    ],
)
def test_a_refusal_is_one_line(slurm, job, said: str, told: str, capfd: pytest.CaptureFixture) -> None:
    slurm(said)
    with pytest.raises(DocexpError) as refused:
        launch([job("a")])
    assert str(refused.value) == told
    assert capfd.readouterr() == ("", "")


def test_a_refused_job_takes_the_earlier_ones_with_it(slurm, job) -> None:
    given = slurm("sbatch: error: no", at=1)
    one = job("one")
    with pytest.raises(DocexpError):
        launch([one, job("a", after=(one,))])
    assert (given / "cancelled").read_text().split() == ["10"]


def test_no_slurm_here(job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DocexpError, match=r"sbatch is not here: .* Elsewhere use hydra/launcher=local\."):
        launch([job("a")])


def test_contradictions_are_refused(job) -> None:
    config = yaml.safe_load(job("a", threads=4).config.read_text())
    SlurmLauncher().check(config)
    with pytest.raises(DocexpError, match=r"cpus_per_task=5 is less than .* \(4 \+ 2\)"):
        SlurmLauncher(cpus_per_task=5).check(config)
    two_nodes = yaml.safe_load(job("b", nodes=2).config.read_text())
    SlurmLauncher().check(two_nodes)
    with pytest.raises(DocexpError, match=r"hardware.nodes=2: more than one node needs Slurm"):
        LocalLauncher().check(two_nodes)


def test_threads_fill_the_cores_that_were_asked_for(job) -> None:
    config = yaml.safe_load(job("a").config.read_text())
    assert Resources.from_config(config, None) == Resources(1, 1, 3, 0, 1)
    assert Resources.from_config(config, 8) == Resources(1, 1, 8, 0, 6)
    with pytest.raises(DocexpError, match="cpus_per_task=2 is less"):
        Resources.from_config(config, 2)
