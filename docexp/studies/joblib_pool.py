"""``hydra/launcher=joblib``: runs side by side on this machine, by joblib's count of workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docexp.errors import DocexpError
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.processes import cores, run_alone


@dataclass(kw_only=True)
class JoblibLauncher(LauncherSettings):
    """Runs the jobs on this machine, each in a process of its own."""

    n_jobs: int = -1
    """Jobs at once, as joblib counts: -1 one for each core, -2 one less, and so on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_jobs == 0:
            raise DocexpError("n_jobs=0 would run nothing: use a number from 1 on, or -1 for one job on each core")

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Runs all jobs, and tells of each when it ends."""
        from joblib import Parallel, delayed

        at_once = self.n_jobs if self.n_jobs > 0 else max(cores() + 1 + self.n_jobs, 1)
        # threads suffice: each only waits for a process
        pool = Parallel(n_jobs=at_once, backend="threading", return_as="generator_unordered")
        for outcome in pool(delayed(run_alone)(job, again, at_once) for job in jobs):
            assert outcome is not None
            ended(outcome)
        return {}
