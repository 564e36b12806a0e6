"""Which of several processes this one is: torchrun's, or a task of Slurm's or submitit's, which are the ranks there.

Imports no torch.
"""

import os
import socket
from dataclasses import dataclass

from docexp.errors import DocexpError

TORCHRUN = "TORCHELASTIC_RUN_ID"
IN_SUBMITIT = "SUBMITIT_EXECUTOR"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Tasks:
    """The tasks that a scheduler started together, and this one's place among them."""

    count: int
    nodes: int
    rank: int
    local_rank: int
    node: int
    first_node: str
    port: int


def is_rank() -> bool:
    """Whether this process was started as one of several."""
    return TORCHRUN in os.environ or _count() > 1


def under_torchrun() -> bool:
    """Whether docexp itself started the ranks, after it had looked whether there is anything to do."""
    return TORCHRUN in os.environ


def rank() -> int:
    """This process's number; 0 when it is alone."""
    if TORCHRUN in os.environ:
        return int(os.environ["RANK"])
    tasks = tasks_here()
    return tasks.rank if tasks else 0


def tasks_here() -> Tasks | None:
    """The tasks that this process is one of; None under torchrun and where no scheduler started it.

    A shell inside a Slurm step (``srun --pty bash``) has the step's environment too: what is typed there was not
    started by Slurm, unless there are several such shells.
    """
    if TORCHRUN in os.environ or not _count():
        return None
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    os.environ.setdefault(IN_SUBMITIT, "slurm")  # a step that was started by hand
    job, torch_place = JobEnvironment(), TorchDistributedEnvironment()
    nodes = int(os.environ.get("SLURM_STEP_NUM_NODES", job.num_nodes))
    first = job.hostnames[0]
    return Tasks(_count(), nodes, job.global_rank, job.local_rank, job.node, first, torch_place.master_port)


def check_tasks(nodes: int, devices: int) -> None:
    """Refuses tasks that are not the ranks which ``hardware`` speaks of.

    Raises:
        DocexpError: says what there is, what there should be, and how to start it.
    """
    tasks = tasks_here()
    if tasks is None or (tasks.nodes, tasks.count) == (nodes, nodes * devices):
        return
    found = f"{tasks.count} task{'s' * (tasks.count > 1)} on {tasks.nodes} node{'s' * (tasks.nodes > 1)}"
    raise DocexpError(
        f"this job has {found}; hardware.nodes={nodes} and hardware.devices={devices} need {nodes * devices} on "
        f"{nodes}. Start it by hydra/launcher=slurm, or with srun --nodes={nodes} --ntasks-per-node={devices}."
    )


def join() -> None:
    """Tells torch this task's place among the ranks, in the words that torchrun uses.

    A ``MASTER_ADDR`` that is set already stays: a site may know a better name of the first node.

    Raises:
        DocexpError: the first node's name cannot be resolved here; torch would try for minutes.
    """
    tasks = tasks_here()
    if tasks is None:
        return
    address = os.environ.get("MASTER_ADDR") or (LOOPBACK if tasks.nodes == 1 else tasks.first_node)
    try:
        socket.getaddrinfo(address, tasks.port)
    except socket.gaierror as error:
        raise DocexpError(
            f"rank {tasks.rank} on {socket.gethostname()} cannot resolve {address}, the address of rank 0 "
            f"({error.strerror}). Make the nodes know each other's names, or export MASTER_ADDR in "
            "hydra.launcher.setup."
        ) from None
    places = {
        "MASTER_ADDR": address,
        "MASTER_PORT": tasks.port,
        "RANK": tasks.rank,
        "WORLD_SIZE": tasks.count,
        "LOCAL_RANK": tasks.local_rank,
        "LOCAL_WORLD_SIZE": tasks.count // tasks.nodes,
        "GROUP_RANK": tasks.node,
    }
    os.environ.update({name: str(value) for name, value in places.items()})


def _count() -> int:
    """How many tasks a scheduler started with this one, itself among them; 0 where none did."""
    if os.environ.get(IN_SUBMITIT) == "local":
        return int(os.environ.get("SUBMITIT_LOCAL_NTASKS", "0"))
    if "SLURM_STEP_ID" not in os.environ:
        return 0
    count = int(os.environ.get("SLURM_STEP_NUM_TASKS", os.environ.get("SLURM_NTASKS", "1")))
    started_here = os.environ.get("SLURM_TASK_PID") == str(os.getpid()) or IN_SUBMITIT in os.environ
    return count if count > 1 or started_here else 0
