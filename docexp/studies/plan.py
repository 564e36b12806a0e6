"""The runs that a study wants, as a graph whose identities are known before any of them has started."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.runs.code import SourceDigests, change_message, changed_files
from docexp.runs.environment import read_environment, segments
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.runs.result import DIVERGED, Result
from docexp.runs.state import RunState, state_of
from docexp.runs.upstream import PREFIX
from docexp.studies.settings import FAILED, TASK, StudySettings
from docexp.studies.templates import Template
from docexp.studies.words import Speller


class PlannedState(StrEnum):
    """How far a wanted run has come. ``stale``: it has a result, by code that has changed since."""

    FINISHED = "finished"
    DIVERGED = "diverged"
    STALE = "stale"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    MISSING = "missing"


AT_END = (PlannedState.FINISHED, PlannedState.DIVERGED, PlannedState.STALE)
"""The states that have a result."""


@dataclass(frozen=True)
class Use:
    """What of the table a run is for. ``seeds`` are those of its stage and of all before it, in their order."""

    row: str
    task: str
    seeds: tuple[int, ...]


@dataclass
class PlannedRun:
    """A wanted run. Several uses share it where it is the same for them."""

    stage: str
    last: bool
    of_task: bool
    """Whether its stage has runs of its own for every task."""
    run: ResolvedRun
    upstream: "PlannedRun | None"
    uses: list[Use] = field(default_factory=list)
    expected_to_fail: bool = False
    state: PlannedState = PlannedState.MISSING
    result: Result | None = None
    changed: str = ""
    """Which code has changed since its result."""

    @property
    def identity(self) -> str:
        """The run's identity."""
        return self.run.identity

    @property
    def name(self) -> str:
        """``finetune  funsd × mlm  seed 0·1``: the stage, what it is for, its seeds."""
        rows = list(dict.fromkeys(use.row for use in self.uses))
        tasks = list(dict.fromkeys(use.task for use in self.uses)) if self.of_task else []
        what = " × ".join([*(["+".join(tasks)] if tasks else []), "+".join(rows)])
        return f"{self.stage}  {what}  seed {'·'.join(map(str, self.uses[0].seeds))}"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: it has a result, or failed as it was expected to."""
        return self.state in AT_END or (self.expected_to_fail and self.state is PlannedState.FAILED)

    @property
    def diverged(self) -> bool:
        """Whether it diverged, or what it starts from did: nothing is trained from the weights of such a run."""
        if self.upstream is not None and self.upstream.diverged:
            return True
        return self.result is not None and self.result.status == DIVERGED

    def look(self, digests: SourceDigests) -> None:
        """Reads the state from the run's folder; upstream's has been read before.

        Raises:
            DocexpError: a file in the folder is damaged.
        """
        folder = self.run.folder
        found = state_of(folder)
        self.state, self.changed = PlannedState.MISSING, ""
        self.result = Result.read(folder.result) if folder.result.is_file() else None
        if self.result is not None:
            before = read_environment(folder).get("code", {})
            self.changed = change_message(changed_files(before, digests.of(self.run.settings.plain)))
        if self.changed:
            self.state = PlannedState.STALE
        elif self.diverged:
            self.state = PlannedState.DIVERGED
        elif found is not RunState.NEW:
            self.state = PlannedState(found.value)

    @property
    def reason(self) -> str:
        """Why it failed, in one line; empty where its folder does not tell."""
        starts = segments(self.run.folder)
        return starts[-1].reason if starts else ""


@dataclass(frozen=True)
class Plan:
    """All wanted runs, upstream before downstream; the last stage's runs by what they are for."""

    study: StudySettings
    scale: str
    file: Path
    runs: list[PlannedRun]
    cells: Mapping[Use, PlannedRun]

    def look(self) -> None:
        """Reads the state of every run from its folder."""
        digests = SourceDigests()
        for planned in self.runs:
            planned.look(digests)

    @property
    def folder(self) -> Path:
        """Where the study keeps its jobs' files and logs."""
        return Path(self.runs[0].run.settings.paths.runs) / ".studies" / self.study.name / self.scale

    def of(self, *states: PlannedState) -> list[PlannedRun]:
        """The runs in these states."""
        return [planned for planned in self.runs if planned.state in states]

    @property
    def missing(self) -> list[PlannedRun]:
        """The runs that are not settled."""
        return [planned for planned in self.runs if not planned.settled]


def make_plan(file: Path, study: StudySettings, scale: str, project: Project, given: Sequence[str] = ()) -> Plan:
    """Resolves every run of a study; starts nothing.

    Args:
        file: the study's, for refusals.
        study: as the file says.
        scale: one of its scales.
        project: where choices are looked up.
        given: words of the command line that hold for every run.

    Raises:
        DocexpError: no such scale, a run that is not valid, rows that are the same run.
    """
    try:
        planner = _Planner(file, study.at(scale), project, given)
        cells = dict(planner.cells())
    except DocexpError as error:
        raise DocexpError(str(error) if str(file) in str(error) else f"{file}: {error}") from None
    chain = planner.study.chain()
    runs = sorted(planner.known.values(), key=lambda planned: chain.index(planned.stage))
    plan = Plan(planner.study, scale, file, runs, cells)
    plan.look()
    return plan


class _Planner:
    def __init__(self, file: Path, study: StudySettings, project: Project, given: Sequence[str]) -> None:
        self.file, self.study, self.project = file, study, project
        self.known: dict[str, PlannedRun] = {}
        self._speller = Speller(study, project, given)
        self._templates: dict[tuple[str, ...], Template] = {}
        self._resolved: dict[tuple[int, int, str], PlannedRun] = {}

    def cells(self) -> Iterator[tuple[Use, PlannedRun]]:
        """The last run of every row, task and combination of seeds."""
        self._speller.refuse_idle_objectives()
        chain = self.study.chain()
        combinations = list(itertools.product(*(self.study.seeds[stage] for stage in chain)))
        for task, row in itertools.product(self.study.tasks, self.study.rows):
            if row in self.study.tasks[task].skip:
                continue
            for seeds in combinations:
                upstream = None
                for number, stage in enumerate(chain):
                    upstream = self._planned(stage, Use(row, task, seeds[: number + 1]), upstream)
                assert upstream is not None
                yield Use(row, task, seeds), upstream

    def _planned(self, stage: str, use: Use, upstream: PlannedRun | None) -> PlannedRun:
        try:
            planned = self._resolve(stage, use, upstream)
        except DocexpError as error:
            raise DocexpError(f"{self.file}, row {use.row}, stage {stage}, task {use.task}: {error}") from None
        if planned.last:
            self._check_last(planned, use)
        planned.uses.append(use)
        return planned

    def _resolve(self, stage: str, use: Use, upstream: PlannedRun | None) -> PlannedRun:
        last = stage == self.study.chain()[-1]
        words = tuple(self._speller.words(stage, use.row, use.task))
        template = self._templates.get(words)
        if template is None:
            template = self._templates[words] = Template.of(
                words, self.project, str(self.file), label=last, weights=upstream is not None
            )
        key = (id(template), use.seeds[-1], upstream.identity if upstream else "")
        if key not in self._resolved:
            checkpoint = self.study.stages[stage].weights.partition("@")[2]
            weights = f"{PREFIX}{upstream.identity}{checkpoint and f'@{checkpoint}'}" if upstream else None
            label = self.study.rows[use.row].label or use.row
            settings = template.run(use.seeds[-1], label, weights)
            run = resolve(settings, upstream.run if upstream else None)
            of_task = last or TASK in self.study.stages[stage].experiment or bool(upstream and upstream.of_task)
            self._resolved[key] = self.known.setdefault(run.identity, PlannedRun(stage, last, of_task, run, upstream))
        return self._resolved[key]

    def _check_last(self, planned: PlannedRun, use: Use) -> None:
        task = self.study.tasks[use.task]
        found = planned.run.settings.task.primary_metric
        if task.metric != found:
            raise DocexpError(f"{self.file}: tasks.{use.task}.metric={task.metric}, but its runs are scored by {found}")
        other = next((known for known in planned.uses if known.row != use.row or known.task != use.task), None)
        if other:
            raise DocexpError(
                f"{self.file}: {other.task} × {other.row} and {use.task} × {use.row} are the same run "
                f"{planned.identity}. Change what is computed, or leave one out."
            )
        planned.expected_to_fail |= task.expect.get(use.row) == FAILED
