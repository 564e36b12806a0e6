"""``docexp train -m``: Hydra's grammar spells out the jobs, all are checked, then the launcher starts them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from docexp.config.check import check
from docexp.config.compose import Composed, compose
from docexp.config.fill import fill
from docexp.config.overrides import normalise
from docexp.config.project import Project
from docexp.config.sources import Sources
from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.studies.launchers import Job, LauncherSettings, Outcome
from docexp.studies.submissions import Submissions
from docexp.studies.telling import told


def sweep(overrides: Sequence[str], project: Project, again: bool) -> int:
    """Runs every combination of the comma-separated overrides; 0 when all of them have a result.

    Raises:
        DocexpError: any one of the jobs is not a valid run, or two are the same; then none is started.
    """
    words = spelled_out(overrides, project)
    composed = [compose(job, project) for job in words]
    launcher = launcher_of(composed[0])
    runs = [resolve(check(job)) for job in composed]
    names = _swept(words)
    _refuse_twins(runs, names)
    for run in runs:
        launcher.check(run.settings.plain)
    jobs = _jobs(runs, names)
    missing = [job for job, run in zip(jobs, runs, strict=True) if again or not run.folder.result.is_file()]
    console = Console(highlight=False, soft_wrap=True)
    finished = len(jobs) - len(missing)
    submissions = Submissions(Path(runs[0].settings.paths.runs))
    queued = submissions.under_way(launcher, [runs[jobs.index(job)].identity for job in missing])
    missing = [job for job in missing if runs[jobs.index(job)].identity not in queued]
    where = f"; what they say goes to {jobs[0].log.parent}/" if missing else ""
    waiting = f"{len(queued)} submitted before, " if queued else ""
    console.print(f"{len(jobs)} runs: {finished} finished, {waiting}{len(missing)} to run{where}")
    for identity, state in queued.items():
        console.print(f"{names[[run.identity for run in runs].index(identity)]}  {identity}  {state}", markup=False)
    failed: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        run = runs[jobs.index(outcome.job)]
        if outcome.status:
            failed.append(outcome)
        console.print(told(outcome, run), markup=False)

    submitted = launcher.launch(missing, again, ended)
    if submitted:
        for job in missing:
            submissions.add(runs[jobs.index(job)].identity, submitted[job.name], job.log)
        console.print(launcher.told(submitted))
    if failed:
        console.print(f"{len(failed)} of {len(jobs)} runs failed; the same command goes on with only those")
    return 1 if failed else 0


def spelled_out(overrides: Sequence[str], project: Project) -> list[list[str]]:
    """The overrides of each job: ``a=1,2 b=x`` gives two, by Hydra's sweep grammar (lists, ``range``, ``glob``, …).

    Raises:
        DocexpError: a word that the grammar does not know.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    words = normalise(overrides, project, sweep=True)
    try:
        (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(words), max_batch_size=None)
    except HydraException as error:
        raise DocexpError(str(error).splitlines()[0]) from None
    twice = next((job for number, job in enumerate(jobs) if job in jobs[:number]), None)
    if twice is not None:
        named = " ".join(word.lstrip("+") for word in twice if word not in words)
        raise DocexpError(f"this sweep holds {named or 'the same job'} twice. Write each value once.")
    return [list(job) for job in jobs]


def launcher_of(composed: Composed) -> LauncherSettings:
    """The launcher that a configuration chooses.

    Raises:
        DocexpError: a setting that it does not have.
    """
    settings, _ = fill(composed.launcher, "hydra.launcher", LauncherSettings, Sources(composed))
    return settings


def _refuse_twins(runs: Sequence[ResolvedRun], names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for run, name in zip(runs, names, strict=True):
        if run.identity in seen:
            raise DocexpError(
                f"two jobs of this sweep are the same run {run.identity}: {seen[run.identity]}, and {name}. "
                "Sweep over settings that change what is computed."
            )
        seen[run.identity] = name


def _swept(jobs: list[list[str]]) -> list[str]:
    """Each job named by the words that are not the same for all."""
    shared = set.intersection(*(set(words) for words in jobs))
    names = [" ".join(word.lstrip("+") for word in words if word not in shared) for words in jobs]
    return [name or "the only job" for name in names]


def _jobs(runs: Sequence[ResolvedRun], names: Sequence[str]) -> list[Job]:
    together = hashlib.sha256("".join(run.identity for run in runs).encode()).hexdigest()[:4]
    folder = Path(runs[0].settings.paths.runs) / ".sweeps" / together
    with atomic.mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for number, (run, name) in enumerate(zip(runs, names, strict=True)):
        job = Job(name, folder / f"{number:03d}.yaml", folder / f"{number:03d}.log")
        atomic.write_yaml(job.config, run.settings.plain)
        jobs.append(job)
    return jobs
