"""A real Slurm of two nodes on this machine: plain daemons in a temporary folder, gone without a trace afterwards."""

import os
import platform
import secrets
import shutil
import subprocess
import time
from pathlib import Path

PACKAGES = ("slurm-wlm", "slurmctld", "slurmd", "slurm-client", "munge")
"""Of Debian 12 and Ubuntu 24.04."""
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "munged")
AS_A_CHILD = ("setpriv", "--pdeathsig", "TERM")
"""A daemon started so dies with the process that started it."""

CONFIGURATION = """
ClusterName=docexp{port}
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5,socket={folder}/munge.socket
SlurmctldPort={port}
SlurmctldPidFile={folder}/ctld.pid
SlurmctldLogFile={folder}/ctld.log
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=10000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{preemption}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
JobRequeue=1
KillWait=5
MinJobAge=600
PropagateResourceLimits=NONE
NodeName={host} NodeAddr=127.0.0.1 Port={first} CPUs=4 RealMemory=8000 State=UNKNOWN
NodeName={host}b NodeHostname={host}b NodeAddr=127.0.0.1 Port={second} CPUs=4 RealMemory=8000 State=UNKNOWN
PartitionName=low Nodes={host},{host}b Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=high Nodes={host},{host}b MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
"""Two names for one machine, which resolves the first of them. ``cred_expire`` is how long a requeued job is held back,
``KillWait`` the seconds between SIGTERM and SIGKILL."""


def missing() -> str:
    """Which programs of Slurm there are not here; empty: it can be started."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return ", ".join(name for name in PROGRAMS if shutil.which(name, path=path) is None)


def install() -> None:
    """Installs the packages; the caller has made sure that it may."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", *command], env=environment, check=True, capture_output=True, timeout=300)


class Cluster:
    """The daemons, and what a test asks of them.

    They are children of this process and die with it, however it ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLURM_")},
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")),
        }
        self._daemons: list[subprocess.Popen] = []

    def start(self) -> None:
        """Starts munged, slurmctld and two slurmd; returns when both nodes are idle."""
        host = platform.node().split(".")[0]
        for name in ("state", f"spool-{host}", f"spool-{host}b"):
            (self.folder / name).mkdir()
        port = 20000 + secrets.randbelow(10000)
        words = {"folder": self.folder, "host": host, "port": port}
        words |= {"first": port + 1, "second": port + 2, "preemption": self._preemption()}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**words))
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        places = [f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        self._daemon("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *places)
        self._until((self.folder / "munge.socket").exists, "munged")
        self._daemon("slurmctld", "-D")
        for node in (host, f"{host}b"):
            self._daemon("slurmd", "-D", "-N", node)
        self._until(
            lambda: self.ask("sinfo", "-h", "-N", "-p", "low", "-o", "%T").split() == ["idle"] * 2, "idle nodes"
        )

    def stop(self) -> None:
        """Ends all jobs and daemons."""
        if self._daemons and not self._dead():
            self.ask("scancel", f"--user={os.getuid()}")
            deadline = time.monotonic() + 20
            while self.ask("squeue", "-h") and time.monotonic() < deadline:
                time.sleep(0.2)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, *words: str) -> str:
        """What a command of Slurm's prints; empty where it fails."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=30)
        return done.stdout.strip() if done.returncode == 0 else ""

    def wait_for(self, said: str, *words: str, seconds: float = 60) -> str:
        """Asks until the answer contains ``said``, and gives it."""
        answer = ""

        def there() -> bool:
            nonlocal answer
            answer = self.ask(*words)
            return said in answer

        self._until(there, f"{said!r} from {' '.join(words)}", seconds)
        return answer

    def _daemon(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.out").open("ab") as output:
            started = subprocess.Popen([*AS_A_CHILD, *words], env=self.environment, stdout=output, stderr=output)
        self._daemons.append(started)

    def _preemption(self) -> str:
        version = self.ask("slurmctld", "-V").rpartition(" ")[2].partition(".")[0]
        old = version.isdigit() and int(version) < 23
        return "SlurmctldParameters=preempt_send_user_signal" if old else "PreemptParameters=send_user_signal"

    def _until(self, holds, what: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while self._dead() or not holds():
            if self._dead() or time.monotonic() > deadline:
                raise TimeoutError(f"no {what} after {seconds:.0f} s{self._dead()}; see {self.folder}")
            time.sleep(0.1)

    def _dead(self) -> str:
        gone = [str(daemon.args[len(AS_A_CHILD)]) for daemon in self._daemons if daemon.poll() is not None]
        return f", for want of {', '.join(gone)}" if gone else ""
