"""A study's table: means over pairs of seeds, verdicts against the baseline, the paper beside, divergence counted."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from docexp.report.statistics import difference, estimate
from docexp.report.study_table import collect, lines, notes
from docexp.runs.result import Result
from docexp.studies.plan import PlannedState, Use
from docexp.studies.settings import RowSettings, StageSettings, StudySettings, StudyTask

BASE, BETTER, BROKEN = [0.50, 0.51, 0.52], [0.70, 0.71, 0.73], [0.6, None, None]


@dataclass
class Planned:
    """What the table reads of a planned run."""

    result: Result | None
    upstream: Any
    diverged: bool = False
    settled: bool = True
    changed: str = ""
    identity: str = "0123456789ab"
    state: PlannedState = PlannedState.FINISHED
    uses: list[Use] = field(default_factory=list)


def result(value: float, boxes: str = "word boxes") -> Result:
    protocol = {"data": "forms test", "boxes": boxes}
    return Result(
        identity="0", experiment="x", status="finished", primary_metric="entity_f1", value=value, step=1, seconds=1,
        protocol=protocol,
    )  # fmt: skip


@pytest.fixture
def plan() -> Any:
    study = StudySettings(
        name="toy",
        question="Why?",
        notes=["a note"],
        rows={"base": RowSettings(label="Base"), "better": RowSettings(), "broken": RowSettings(differs="no warm-up")},
        stages={"train": StageSettings(experiment="x")},
        tasks={
            "forms": StudyTask(metric="entity_f1", label="Forms", paper={"base": 88.64, "broken": "diverged"}),
            "lines": StudyTask(metric="entity_f1", skip=["better"], expect={"broken": "diverged"}, differs="no lines"),
        },
        seeds={"train": [0, 1, 2]},
    )
    cells: dict[Use, Any] = {}
    for task in study.tasks:
        for row, values in (("base", BASE), ("better", BETTER), ("broken", BROKEN)):
            if row in study.tasks[task].skip:
                continue
            for seed, value in enumerate(values):
                upstream = SimpleNamespace(identity="up" if row == "better" else f"up{seed}")
                boxes = "line boxes" if (task, row) == ("lines", "base") else "word boxes"
                own = result(float("nan") if value is None else value, boxes)
                cells[Use(row, task, (seed,))] = Planned(own, upstream, diverged=value is None)
    return SimpleNamespace(study=study, scale="paper", cells=cells, file=Path("study.yaml"))


def test_cells_are_means_over_pairs_with_verdicts_and_diverged_runs_counted(plan: Any) -> None:
    table = collect(plan)
    better, broken = table.cells["forms"]["better"], table.cells["forms"]["broken"]
    assert better.estimate == estimate(BETTER)
    assert better.difference == difference(BETTER, BASE) and better.difference.verdict == "higher"
    assert table.cells["forms"]["base"].difference is None
    assert (broken.diverged, broken.values) == (2, [0.6])
    assert list(table.cells["lines"]) == ["base", "broken"]


def test_the_table_shows_paper_verdict_and_counts(plan: Any) -> None:
    header, rows = lines(collect(plan))
    assert header == ["row", "Forms entity F1", "against Base", "paper", "lines entity F1", "against Base"]
    assert rows[0] == ["Base", "51.0 ± 2.5 (3)", "", "88.64", "51.0 ± 2.5 (3)", ""]
    assert rows[1][:4] == ["better", "71.3 ± 3.8 (3)", "+20.3  higher", "–"]
    assert rows[1][4] == ""  # skipped
    assert rows[2][1:4] == ["60.0 (1, 2 diverged)", "+9.0", "diverged"]


def test_below_it_stand_protocols_their_differences_and_what_was_expected(plan: Any) -> None:
    text = "\n".join(notes(collect(plan)))
    assert "Forms: forms test · word boxes" in text
    assert "lines: boxes is not the same for all: line boxes; word boxes" in text
    assert "lines: no lines" in text and "broken: no warm-up" in text and "a note" in text
    assert "lines × broken: expected to have diverged; 2 of 3 did" in text
    assert "pairs that share a pretraining run are not independent" in text
    assert "a single number has no interval" in text and "mean over seeds" in text
    assert "the code has changed" not in text
    next(iter(plan.cells.values())).changed = "the code has changed since: docexp/cli.py"
    assert "1 of 15 runs: the code has changed since: docexp/cli.py" in list(notes(collect(plan)))


def test_json_holds_the_unrounded_numbers_and_the_rendered_table_every_row(plan: Any, capsys: Any) -> None:
    table = collect(plan)
    cell = table.to_json()["tasks"]["forms"]["rows"]["better"]
    assert cell["mean"] == estimate(BETTER).mean and cell["verdict"] == "higher" and cell["n"] == 3
    table.render(Console(width=40, highlight=False))
    output = capsys.readouterr().out
    assert "toy (paper)  Why?" in output and "71.3 ± 3.8 (3)" in output
