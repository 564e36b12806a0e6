"""A Slurm to run jobs on, ``docexp`` as typed on a machine of that cluster, and runs that wait at a step."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticForms
from docexp.runs.find import all_runs
from docexp.runs.folder import RunFolder
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards
from tests.slurm.cluster import PACKAGES, Cluster, install, missing
from tests.small import SMALL

ROOT = Path(__file__).resolve().parent.parent.parent

SHORT = ["data.workers=1", "trainer.max_steps=8", "trainer.global_batch=4", "trainer.log_every=1"]
"""Of a run of the small model; a data worker, since Slurm signals those too."""
TWO_RANKS = ["hardware=ddp", "hardware.accelerator=cpu", "hardware.precision=fp32", "hardware.devices=2"]

HOLDS = """
    import os
    if "SLURM_STEP_ID" in os.environ and os.environ.get("SLURM_RESTART_COUNT", "0") == "0":
        import time
        from pathlib import Path
        from docexp.training import preemption
        from docexp.training.module import RunModule
        original = RunModule.{name}
        def held(self, batch, index):
            if self.trainer.global_step == {step} and self._seed in {seeds}:
                Path({folder!r}, f"held-{{self._seed}}-{{os.environ['SLURM_PROCID']}}").touch()
                while not (preemption.current().requested or Path({folder!r}, "go").exists()):
                    time.sleep(0.02)
            return original(self, batch, index)
        RunModule.{name} = held
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm of two nodes, or a skip that says what it takes."""
    if missing():
        wanted = os.environ.get("CI") == "true" or os.environ.get("SYSTEM_PACKAGES") == "1"
        if os.name != "posix" or os.getuid() or not wanted or not Path("/usr/bin/apt-get").exists():
            pytest.skip(
                f"no Slurm here ({missing()}): apt-get install {' '.join(PACKAGES)}; "
                "as root, SYSTEM_PACKAGES=1 lets the tests do it"
            )
        try:
            install()
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"Slurm could not be installed ({error}): apt-get install {' '.join(PACKAGES)}")
    if os.getuid():
        pytest.skip("the daemons of Slurm start as root only")
    here = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        here.start()
        yield here
    finally:
        here.stop()


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few synthetic forms below ``<folder>/synthetic_forms``."""
    folder = tmp_path_factory.mktemp("shards")
    facts = SetFacts(name="synthetic forms", licence="none", command="docexp data prepare data=synthetic_forms")
    pages = SyntheticForms(train=22, validation=4, test=6).pages(None, Report())
    write_shards(pages, folder / "synthetic_forms", facts, shard_bytes=200_000)
    return folder


@dataclass
class Site:
    """A folder on a machine of the cluster, in which ``docexp`` is typed."""

    folder: Path
    cluster: Cluster
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def start(self, *words: str, runs: str = "runs") -> subprocess.Popen[str]:
        """``docexp`` with words, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "docexp.cli", *words],
            cwd=self.folder,
            env={**self.environment, "DOCEXP_RUNS": str(self.folder / runs)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def says(self, *words: str, status: int = 0, runs: str = "runs") -> str:
        """What it prints, once its exit status has been looked at."""
        process = self.start(*words, runs=runs)
        output, _ = process.communicate()
        assert process.returncode == status, output
        return output

    def train(self, *words: str, status: int = 0, runs: str = "runs") -> str:
        """``docexp train`` of the small model; of two words for one key the later stands."""
        return self.says("train", *self.words(*words), status=status, runs=runs)

    def words(self, *words: str) -> list[str]:
        """The small model's words and these."""
        flags = [word for word in words if "=" not in word]
        chosen = {word.partition("=")[0]: word for word in (*SMALL, *SHORT, *words) if "=" in word}
        return [*flags, *chosen.values()]

    def plant(self, code: str) -> None:
        """Lets every Python that is started from now on run ``code`` first."""
        planted = self.folder / "planted"
        planted.mkdir()
        (planted / "sitecustomize.py").write_text(dedent(code))
        self.environment["PYTHONPATH"] = f"{planted}{os.pathsep}{self.environment['PYTHONPATH']}"

    def hold(self, seeds: tuple[int, ...], step: int = 3, name: str = "training_step") -> None:
        """Jobs of these seeds wait in a step until they are preempted, or ``go`` is called."""
        self.plant(HOLDS.format(seeds=seeds, step=step, name=name, folder=str(self.folder)))

    def held(self, seed: int, rank: int = 0) -> None:
        """Returns when such a job waits."""
        self.until((self.folder / f"held-{seed}-{rank}").exists, f"job of seed {seed} that holds")

    def go(self) -> None:
        """Lets all of them go on."""
        (self.folder / "go").touch()

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"no {what} after {seconds} s\n{self.told()}"
            time.sleep(0.1)

    def done(self, *, count: int = 1, runs: str = "runs") -> list[RunFolder]:
        """All runs, when so many have a result and no job is left."""

        def there() -> bool:
            return self.ended() and sum(run.result.is_file() for run in all_runs(self.folder / runs)) >= count

        self.until(there, f"{count} results")
        return list(all_runs(self.folder / runs))

    def ended(self) -> bool:
        """Whether no job is left."""
        return not self.cluster.ask("squeue", "-h")

    def told(self) -> str:
        """All that jobs have printed."""
        files = [file for file in sorted(self.folder.rglob("*")) if file.suffix in (".log", ".err", ".out")]
        return self.cluster.ask("squeue") + "".join(f"\n== {file}\n{file.read_text()}" for file in files)


@pytest.fixture
def site(tmp_path: Path, cluster: Cluster, shards: Path) -> Iterator[Site]:
    """A place to submit from; what its jobs left in the queue is cancelled."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    places = {"DOCEXP_SHARDS": str(shards), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    yield Site(tmp_path, cluster, {**cluster.environment, **places})
    cluster.ask("scancel", "--signal=KILL", f"--user={os.getuid()}")
    cluster.ask("scancel", f"--user={os.getuid()}")
    deadline = time.monotonic() + 30
    while cluster.ask("squeue", "-h") and time.monotonic() < deadline:
        time.sleep(0.2)


def same(run: RunFolder) -> tuple:
    """Everything that two runs which computed the same have in common."""
    last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
    weights = (last / "model.safetensors").read_bytes()
    return run.identity, weights, comparable(read(run.metrics)), Result.read(run.result).metrics


@pytest.fixture
def ends() -> Callable[[Path], tuple]:
    """Of the only run below a folder what another run must share with it to the last bit."""

    def of(runs: Path) -> tuple:
        (run,) = all_runs(runs)
        return same(run)

    return of


@pytest.fixture
def kill() -> Callable[[int], None]:
    """SIGKILL."""
    return lambda pid: os.kill(pid, signal.SIGKILL)
