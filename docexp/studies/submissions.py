"""Which runs were handed to a cluster, as which jobs: ``<runs>/.submitted/<identity>.json``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from docexp.runs import atomic
from docexp.studies.launchers import LauncherSettings


@dataclass(frozen=True)
class Submission:
    """The last job that a run was handed over as; ``submitted`` is local time with its offset."""

    job: str
    log: str
    submitted: str


class Submissions:
    """The record of all runs below one folder. A run that has a result keeps its entry, which tells where its log is.

    Args:
        runs: ``paths.runs``.
    """

    def __init__(self, runs: Path) -> None:
        self._folder = runs / ".submitted"

    def add(self, identity: str, job: str, log: Path) -> None:
        """Records a job; an earlier one of the same run is forgotten."""
        with atomic.mendable(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        atomic.write_json(self._folder / f"{identity}.json", asdict(Submission(job, str(log), now)))

    def of(self, identity: str) -> Submission | None:
        """The last job of a run; None when there was none."""
        try:
            return Submission(**json.loads((self._folder / f"{identity}.json").read_text()))
        except FileNotFoundError:
            return None

    def under_way(self, launcher: LauncherSettings, identities: Sequence[str]) -> dict[str, str]:
        """Of these runs those that a job is to train or trains, with the job and its state in words.

        Raises:
            DocexpError: there are such entries, and the cluster does not answer.
        """
        known = {identity: entry for identity in identities if (entry := self.of(identity)) is not None}
        states = launcher.under_way([entry.job for entry in known.values()]) if known else {}
        return {name: f"job {entry.job} {states[entry.job]}" for name, entry in known.items() if entry.job in states}
