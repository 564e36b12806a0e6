"""``docexp study run``: makes what a study is missing, by dependency, and nothing else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docexp.runs import atomic
from docexp.runs.folder import set_aside
from docexp.runs.lock import Holder, RunLock
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.on_cluster import ClusterJob, jobs_of
from docexp.studies.plan import Plan, PlannedRun, PlannedState
from docexp.studies.submissions import Submissions
from docexp.studies.telling import INTERRUPTED, how, last_lines, told

if TYPE_CHECKING:
    from rich.console import Console

DRIVER = "driver-"
"""What the names of files begin with that tell which processes are running a study."""


@dataclass
class StudyRun:
    """One start of a study's missing runs.

    Args:
        plan: what is wanted, as it is now.
        launcher: starts them.
        console: is told.
        again: makes anew, too, what was made by code that has changed since.
    """

    plan: Plan
    launcher: LauncherSettings
    console: "Console"
    again: bool = False
    ended: dict[str, Outcome] = field(default_factory=dict)
    """By identity."""
    under_way: dict[str, ClusterJob] = field(default_factory=dict)
    """By identity, what earlier starts have submitted and a cluster has not ended."""

    def go(self) -> int:
        """Runs them; gives 0 when every wanted run has come to its end, or was handed over to a cluster."""
        plan = self.plan
        if self.again:
            self._set_stale_aside()
        missing = plan.missing
        self._say(
            f"{plan.study.name} ({plan.scale}): {len(plan.runs)} runs, {len(plan.runs) - len(missing)} at their end"
        )
        missing = self._not_submitted(missing)
        if not missing:
            self._say_stale()
            self._say("nothing to do")
            return 0
        for planned in missing:
            self.launcher.check(planned.run.settings.plain)
        jobs = self._jobs(missing)
        self._say(f"{len(missing)} to run; what they say goes to {plan.folder}/")
        by_job = dict(zip(jobs, missing, strict=True))
        running = len(plan.of(PlannedState.RUNNING))
        if running:
            self._say(f"{running} of them are being trained by other processes, which are waited for")

        def note(outcome: Outcome) -> None:
            planned = by_job[outcome.job]
            self.ended[planned.identity] = outcome
            self._say(told(outcome, planned.run))

        try:
            with driving(plan.folder):
                handed = self.launcher.launch(jobs, False, note)
        except KeyboardInterrupt:
            self._say("interrupted: the same command goes on from here")
            return INTERRUPTED
        if handed:
            self._record(handed, by_job)
            self._say(f"{self.launcher.told(handed)}; docexp study status tells how far they are")
            return 0
        return self._conclude(missing)

    def _conclude(self, missing: Sequence[PlannedRun]) -> int:
        self.plan.look()
        self._say_stale()
        left = [planned for planned in missing if not planned.settled]
        for planned in left:
            self._say(f"  {planned.name}  {planned.identity}  {self._why(planned)}")
        if not left:
            self._say(f"all {len(self.plan.runs)} runs have come to their end")
            return 0
        self._say(f"{len(left)} of {len(self.plan.runs)} runs have no result; the same command goes on with only those")
        return 1

    def _why(self, planned: PlannedRun) -> str:
        outcome = self.ended.get(planned.identity)
        if outcome is None:
            lost = planned.upstream
            return f"not started: {lost.name} has no result" if lost and not lost.settled else "not started"
        lines = last_lines(outcome.job.log, 1)
        reason = planned.reason or (lines[0] if lines else "")
        return f"{outcome.reason or how(outcome.status)}: {reason} · {outcome.job.log}"

    def _say_stale(self) -> None:
        stale = self.plan.of(PlannedState.STALE)
        if stale:
            self._say(f"{len(stale)} runs were made by other code, {stale[0].changed} (--again makes them anew)")

    def _set_stale_aside(self) -> None:
        for planned in self.plan.of(PlannedState.STALE):
            with RunLock(planned.run.folder):
                self._say(f"kept the old run as {set_aside(planned.run.folder)}")
        self.plan.look()

    def _jobs(self, missing: Sequence[PlannedRun]) -> list[Job]:
        folder = self.plan.folder
        with atomic.mendable(folder):
            folder.mkdir(parents=True, exist_ok=True)
        jobs: dict[str, Job] = {}
        folders = {planned.identity: planned.run.folder.path for planned in self.plan.runs}
        before = {name: _submitted(name, job, folders[name]) for name, job in self.under_way.items()}
        for planned in missing:
            upstream = planned.upstream.identity if planned.upstream else ""
            taken = any(job.name == planned.name for job in jobs.values())
            job = Job(
                f"{planned.name}  {planned.identity}" if taken else planned.name,
                folder / f"{planned.identity}.yaml",
                folder / f"{planned.identity}.log",
                after=tuple(known[upstream] for known in (jobs, before) if upstream in known),
                retries=0 if planned.expected_to_fail else self.plan.study.retries,
                folder=planned.run.folder.path,
            )
            atomic.write_yaml(job.config, planned.run.settings.plain)
            jobs[planned.identity] = job
        return list(jobs.values())

    def _not_submitted(self, missing: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Without the runs that a cluster's job will make, and those that cannot be queued behind it."""
        self.under_way = {name: job for name, job in jobs_of(self.plan).items() if job.under_way}
        left = []
        for planned in missing:
            upstream = planned.upstream.identity if planned.upstream else ""
            if planned.identity in self.under_way:
                self._say(f"  {planned.name}  {planned.identity}  {self.under_way[planned.identity]}")
            elif upstream in self.under_way and not self.launcher.queues:
                self._say(f"  {planned.name}  {planned.identity}  not before {self.under_way[upstream]} has ended")
            else:
                left.append(planned)
        return left

    def _record(self, handed: dict[str, str], by_job: Mapping[Job, PlannedRun]) -> None:
        submissions = Submissions(Path(self.plan.runs[0].run.settings.paths.runs))
        for job, planned in by_job.items():
            submissions.add(planned.identity, handed[job.name], job.log)

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False)


def _submitted(name: str, job: ClusterJob, folder: Path) -> Job:
    return Job(name, job.log.with_suffix(".yaml"), job.log, folder=folder, submitted=job.state.id)


@contextmanager
def driving(folder: Path) -> Iterator[None]:
    """Records that this process runs a study, so that it can be ended with its runs."""
    here = Holder.here()
    place = folder / f"{DRIVER}{here.host}-{here.pid}.json"
    atomic.write_json(place, asdict(here))
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def drivers(folder: Path) -> list[Holder]:
    """The processes of this machine that run the study now."""
    found = []
    for place in sorted(folder.glob(f"{DRIVER}*.json")):
        try:
            holder = Holder(**json.loads(place.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # it has ended just now
            continue
        if holder.here_and_alive:
            found.append(holder)
    return found
