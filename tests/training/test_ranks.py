"""Which process is a rank, by what schedulers tell their tasks."""

import os
import time

import pytest

from docexp.errors import DocexpError
from docexp.training import ranks

SCHEDULERS = ("SLURM_", "SUBMITIT_", "TORCHELASTIC_", "MASTER_", "RANK", "WORLD_SIZE", "LOCAL_", "GROUP_RANK")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(SCHEDULERS):
            monkeypatch.delenv(name)


def step(monkeypatch: pytest.MonkeyPatch, tasks: int = 2, nodes: int = 1, rank: int = 1, **more: str) -> None:
    """As srun starts a task."""
    words = {
        "SLURM_JOB_ID": "48213",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": tasks,
        "SLURM_NTASKS": tasks,
        "SLURM_STEP_NUM_NODES": nodes,
        "SLURM_JOB_NUM_NODES": nodes,
        "SLURM_PROCID": rank,
        "SLURM_LOCALID": rank % (tasks // nodes),
        "SLURM_NODEID": rank // (tasks // nodes),
        "SLURM_JOB_NODELIST": "gpu[07-08]",
        "SLURM_TASK_PID": os.getpid(),
        **more,
    }
    for name, value in words.items():
        monkeypatch.setenv(name, str(value))


def test_a_process_that_nobody_started_is_alone() -> None:
    assert not ranks.is_rank() and ranks.rank() == 0 and ranks.tasks_here() is None
    ranks.check_tasks(nodes=1, devices=4)  # torchrun will start them


def test_tasks_of_slurm_are_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch, tasks=4, nodes=2, rank=3)
    tasks = ranks.tasks_here()
    assert tasks is not None
    assert ranks.is_rank() and ranks.rank() == 3
    assert (tasks.count, tasks.nodes, tasks.local_rank, tasks.node, tasks.first_node) == (4, 2, 1, 1, "gpu07")
    ranks.check_tasks(nodes=2, devices=2)
    for nodes, devices in ((1, 4), (4, 1), (2, 1), (1, 1)):
        with pytest.raises(DocexpError, match="this job has 4 tasks on 2 nodes"):
            ranks.check_tasks(nodes, devices)


def test_torch_is_told_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    ranks.join()
    told = {name: os.environ[name] for name in ("MASTER_ADDR", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
    assert told == {
        "MASTER_ADDR": "127.0.0.1",
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
    }
    ports = set()
    for job in ("48213", "48214"):
        os.environ.pop("MASTER_PORT")
        os.environ["SLURM_JOB_ID"] = job
        ranks.join()
        ports.add(os.environ["MASTER_PORT"])
    assert len(ports) == 2


def test_a_first_node_that_nobody_knows_is_said_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch, nodes=2, SLURM_JOB_NODELIST="nowhere[1-2]")
    began = time.monotonic()
    with pytest.raises(DocexpError, match=r"rank 1 on .* cannot resolve nowhere1, the address of rank 0"):
        ranks.join()
    assert time.monotonic() - began < 60
    assert "RANK" not in os.environ


def test_a_sites_own_address_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch, nodes=2, SLURM_JOB_NODELIST="nowhere[1-2]", MASTER_ADDR="localhost")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    ranks.join()
    assert os.environ["MASTER_ADDR"] == "localhost"


def test_one_task_is_no_rank_and_must_not_be_meant_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch, tasks=1, rank=0)
    assert not ranks.is_rank()
    ranks.check_tasks(nodes=1, devices=1)
    with pytest.raises(DocexpError, match=r"this job has 1 task on 1 node; .* srun --nodes=1 --ntasks-per-node=2"):
        ranks.check_tasks(nodes=1, devices=2)


def test_what_is_typed_into_a_shell_that_slurm_started_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch, tasks=1, rank=0, SLURM_TASK_PID="1")
    assert ranks.tasks_here() is None
    ranks.check_tasks(nodes=1, devices=2)


def test_a_batch_script_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    step(monkeypatch)
    monkeypatch.delenv("SLURM_STEP_ID")
    assert not ranks.is_rank() and ranks.tasks_here() is None


def test_torchruns_ranks_go_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by docexp itself inside an allocation."""
    step(monkeypatch, tasks=1, rank=0)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("RANK", "1")
    assert ranks.is_rank() and ranks.rank() == 1 and ranks.tasks_here() is None
