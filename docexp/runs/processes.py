"""Which processes and cluster jobs still live."""

import os
import platform
import shutil
import subprocess
from pathlib import Path


def machine() -> str:
    """Names the set of processes that can be seen from here: this kernel's boot and this process's pid namespace.

    Two hosts of one name differ in it, and so do two containers on one host, which cannot see each other's processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # no Linux: the host's name must do
        return platform.node()


def start_of(pid: int) -> str | None:
    """When a process began, in the system's own words; None when there is no such process, or only its zombie.

    A pid alone is not enough: after a while another process gets it.
    """
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # man 5 proc_pid_stat: the name in parentheses may hold anything; state is field 3, starttime field 22
        fields = stat[stat.rindex(b")") + 2 :].split()
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    listed = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = listed.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def job_id() -> str:
    """The Slurm job this process belongs to; empty outside of Slurm."""
    return os.environ.get("SLURM_JOB_ID", "")


def has_left_queue(job: str) -> bool:
    """Whether Slurm says that a job is neither running nor waiting; False where nobody can tell."""
    if not job or shutil.which("squeue") is None:
        return False
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={job}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if answer.returncode:
        return "Invalid job id" in answer.stderr
    return not answer.stdout.strip()
