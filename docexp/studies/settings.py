"""What a study's file may say: which runs should exist, and what a paper says of them. Imports nothing heavy."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from docexp.errors import DocexpError, nearest
from docexp.settings import AtLeast0, Settings

TASK, ROW = "${task}", "${row}"
"""What a stage's experiment may hold, to be replaced by the task's and the row's key."""
DIVERGED, FAILED = "diverged", "failed"
PAPER = "paper"
"""The scale that the stages describe by themselves."""
KEPT_BY_STUDY = {
    "experiment": "name it as the stage's experiment",
    "seed": "list seeds in seeds",
    "label": "rows have labels",
}


@dataclass(kw_only=True)
class RowSettings(Settings):
    """A row of the table: what is changed in every stage."""

    label: str = ""
    """How tables call it; empty: its key."""
    overrides: list[str] = field(default_factory=list)
    """Words as on a command line. Those of ``objective`` are for the stages that pretrain, all others for every one."""
    stages: dict[str, list[str]] = field(default_factory=dict)
    """Further words for one stage alone."""
    differs: str = ""
    """Where the row is not as in the paper."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for words in (self.overrides, *self.stages.values()):
            refuse_kept(words)


@dataclass(kw_only=True)
class StageSettings(Settings):
    """A step from nothing to a score: a run of its own for every row, every seed, and where it says so every task."""

    experiment: str
    """A choice of conf/experiment; ``${task}`` and ``${row}`` stand for the keys."""
    overrides: list[str] = field(default_factory=list)
    """Words that hold for all rows, unless a row says otherwise."""
    weights: str = ""
    """The stage whose run gives the first weights; ``pretrain@best`` takes its best checkpoint."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_kept(self.overrides)
        if self.weights.partition("@")[2] not in ("", "last", "best"):
            raise DocexpError(f"weights={self.weights}: a run keeps the checkpoints @last and @best")

    @property
    def upstream(self) -> str:
        """The stage that the weights come from; empty for none."""
        return self.weights.partition("@")[0]


@dataclass(kw_only=True)
class StudyTask(Settings):
    """A column of the table: what the last stage is trained for, and what the paper reports."""

    metric: str
    """The primary metric of its runs."""
    label: str = ""
    """How tables call it; empty: its key."""
    experiment: str = ""
    """Takes the place of the last stage's experiment."""
    overrides: list[str] = field(default_factory=list)
    """Words for the last stage."""
    paper: dict[str, float | str] = field(default_factory=dict)
    """By row, the paper's number, or ``diverged``."""
    skip: list[str] = field(default_factory=list)
    """Rows that have no run of this task."""
    expect: dict[str, str] = field(default_factory=dict)
    """By row, ``diverged`` or ``failed`` where that is what should happen; such a failure is not tried again."""
    differs: str = ""
    """Where the task is not as in the paper."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_kept(self.overrides)
        for row, value in self.paper.items():
            if isinstance(value, str) and value != DIVERGED:
                raise DocexpError(f"paper.{row}={value} must be a number or {DIVERGED}")
        for row, value in self.expect.items():
            if value not in (DIVERGED, FAILED):
                raise DocexpError(f"expect.{row}={value} must be {DIVERGED} or {FAILED}")


@dataclass(kw_only=True)
class ScaledStage(Settings):
    """A stage at another scale."""

    experiment: str = ""
    """Takes the place of the stage's experiment and of its overrides; empty: both stay."""
    overrides: list[str] = field(default_factory=list)
    """Words that come after the stage's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_kept(self.overrides)


@dataclass(kw_only=True)
class ScaleSettings(Settings):
    """What is different at a scale; all else stays as the study says."""

    stages: dict[str, ScaledStage] = field(default_factory=dict)
    """By stage."""
    tasks: dict[str, StudyTask] = field(default_factory=dict)
    """Takes the place of all tasks; none: they stay."""
    seeds: dict[str, list[AtLeast0]] = field(default_factory=dict)
    """By stage."""
    data: list[str] | None = None
    """Takes the place of the study's ``data``."""
    notes: list[str] = field(default_factory=list)
    """Further lines below the table."""


@dataclass(kw_only=True)
class StudySettings(Settings):
    """A study: rows × tasks × seeds, each a chain of stages."""

    name: str
    """What the study's folder among the runs is called."""
    question: str = ""
    """What the table shall answer."""
    baseline: str = ""
    """The row that the others are compared with; empty: the first."""
    notes: list[str] = field(default_factory=list)
    """Lines below the table: how the protocol differs from the paper's."""
    rows: dict[str, RowSettings] = field(default_factory=dict)
    """By key."""
    stages: dict[str, StageSettings] = field(default_factory=dict)
    """By key; the one whose weights no other takes is the last, and is scored."""
    tasks: dict[str, StudyTask] = field(default_factory=dict)
    """By key."""
    seeds: dict[str, list[AtLeast0]] = field(default_factory=dict)
    """By stage; every combination of a seed for each stage gives one number."""
    data: list[str] = field(default_factory=list)
    """What must have been prepared: the words of ``docexp data prepare``, one line for each dataset."""
    retries: AtLeast0 = 1
    """How often a run that failed is started again by itself."""
    scale: dict[str, ScaleSettings] = field(default_factory=dict)
    """By name."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise DocexpError(f"name={self.name} names a folder: letters, digits, _ . and -")
        for name in ("rows", "stages", "tasks"):
            if not getattr(self, name):
                raise DocexpError(f"{name} has no entry: a study needs rows, stages and tasks")
        self.baseline = self.baseline or next(iter(self.rows))
        _known("baseline", [self.baseline], self.rows)
        for key, stage in self.stages.items():
            _known(f"stages.{key}.weights", [stage.upstream] if stage.upstream else [], self.stages)
        for key, row in self.rows.items():
            _known(f"rows.{key}.stages", row.stages, self.stages)
        self.chain()
        self._check("", self.tasks, self.seeds)
        for name, scale in self.scale.items():
            _known(f"scale.{name}.stages", scale.stages, self.stages)
            self._check(f"scale.{name}.", scale.tasks, {**self.seeds, **scale.seeds})

    def chain(self) -> list[str]:
        """The stages from the first to the last.

        Raises:
            DocexpError: they are no chain.
        """
        taken = {stage.upstream for stage in self.stages.values()}
        last = [name for name in self.stages if name not in taken]
        found = last[:1]
        while found and (upstream := self.stages[found[0]].upstream) and upstream not in found:
            found.insert(0, upstream)
        if sorted(found) != sorted(self.stages):
            odd = next((name for name in self.stages if name not in found), next(iter(self.stages)))
            raise DocexpError(f"stages.{odd} is no part of one chain: each stage but the last gives its weights to one")
        return found

    def at(self, scale: str) -> "StudySettings":
        """The study as it is at a scale.

        Raises:
            DocexpError: there is no such scale.
        """
        if scale == PAPER and PAPER not in self.scale:
            return self
        _known("scale", [scale], [PAPER, *self.scale])
        chosen = self.scale[scale]
        return replace(
            self,
            stages={name: _scaled(stage, chosen.stages.get(name)) for name, stage in self.stages.items()},
            tasks=chosen.tasks or self.tasks,
            seeds={**self.seeds, **chosen.seeds},
            data=self.data if chosen.data is None else chosen.data,
            notes=[*self.notes, *chosen.notes],
            scale={},
        )

    def _check(self, prefix: str, tasks: Mapping[str, StudyTask], seeds: Mapping[str, list[int]]) -> None:
        _known(f"{prefix}seeds", seeds, self.stages)
        for stage in self.stages:
            given = seeds.get(stage)
            if not given:
                raise DocexpError(f"{prefix}seeds.{stage} is missing: seeds of every stage, as in {stage}: [0, 1, 2]")
            if len(set(given)) < len(given):
                raise DocexpError(f"{prefix}seeds.{stage}={given} holds a seed twice")
        for name, task in tasks.items():
            for part in ("paper", "skip", "expect"):
                _known(f"{prefix}tasks.{name}.{part}", getattr(task, part), self.rows)


def _scaled(stage: StageSettings, scaled: ScaledStage | None) -> StageSettings:
    if scaled is None:
        return stage
    if scaled.experiment:
        return replace(stage, experiment=scaled.experiment, overrides=scaled.overrides)
    return replace(stage, overrides=merged(stage.overrides, scaled.overrides))


def merged(*words: Iterable[str]) -> list[str]:
    """All words in order; of two for one key the later stands."""
    return list({key_of(word): word for each in words for word in each}.values())


def key_of(word: str) -> str:
    """What a word sets."""
    return word.lstrip("+").partition("=")[0]


def refuse_kept(words: Iterable[str]) -> None:
    """Refuses words that the study itself says.

    Raises:
        DocexpError: names the first, and where to say it.
    """
    for word in words:
        if key_of(word) in KEPT_BY_STUDY:
            raise DocexpError(f"override {word}: {KEPT_BY_STUDY[key_of(word)]}, not as an override")


def _known(key: str, names: Iterable[Any], known: Iterable[str]) -> None:
    choices = list(known)
    for name in names:
        if name not in choices:
            close = nearest(str(name), choices)
            hint = f"Nearest: {close[0]}." if close else f"There are: {', '.join(choices)}."
            raise DocexpError(f"{key}: there is no {name}. {hint}")
