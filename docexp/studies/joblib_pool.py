"""``hydra/launcher=joblib``: runs side by side on this machine, as many as joblib would count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docexp.errors import DocexpError
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.shares import cores


@dataclass(kw_only=True)
class JoblibLauncher(LauncherSettings):
    """The local launcher with the setting of Hydra's joblib plugin in the place of ``parallel``."""

    n_jobs: int = -1
    """Jobs at once, as joblib counts: -1 one for each core, -2 one less, and so on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_jobs == 0:
            raise DocexpError("n_jobs=0 would run nothing: use a number from 1 on, or -1 for one job on each core")

    def launch(self, jobs: Sequence[Job], again: bool, ended: Callable[[Outcome], None]) -> dict[str, str]:
        """Runs all jobs, and tells of each when it ends."""
        from docexp.studies.pool import run_all

        at_once = self.n_jobs if self.n_jobs > 0 else max(cores() + 1 + self.n_jobs, 1)
        if jobs:
            run_all(jobs, at_once, again, ended)
        return {}
