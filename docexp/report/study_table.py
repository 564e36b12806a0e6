"""A study's table: rows × tasks over pairs of seeds, each against the baseline, the paper's number beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.text import Text

from docexp.report.render import ABSENT, IN_TITLE, aligned, metric_name, number, protocol_words
from docexp.report.statistics import INDISTINCT, Difference, Estimate, difference, estimate
from docexp.runs.result import Result
from docexp.studies.plan import Plan, PlannedRun

if TYPE_CHECKING:
    from rich.console import Console

SKIPPED = ""
"""The cell of a row that a task has no run for."""


@dataclass
class Cell:
    """One row of one task."""

    runs: list[PlannedRun]
    """One for each combination of seeds."""
    paper: float | str | None
    expected: str
    """``diverged`` or ``failed`` where the study says that this should happen."""
    estimate: Estimate | None = None
    difference: Difference | None = None
    """To the baseline's cell of this task; None for that one and where one of the two has no number."""

    @property
    def results(self) -> list[Result]:
        """Of the runs that have a number."""
        return [run.result for run in self.runs if run.result is not None and not run.diverged]

    @property
    def values(self) -> list[float]:
        """The primary metric of every run that has a number."""
        return [result.value for result in self.results]

    @property
    def diverged(self) -> int:
        """How many of the runs diverged: counted, not averaged."""
        return sum(run.diverged for run in self.runs)

    @property
    def left(self) -> int:
        """How many of the runs have not come to their end."""
        return sum(not run.settled for run in self.runs)


@dataclass
class StudyTable:
    """The cells by task and row, in the study's order; a skipped one is absent."""

    plan: Plan
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Everything in the table as plain values, unrounded; fractions stay fractions."""
        study = self.plan.study
        return {
            "study": study.name,
            "scale": self.plan.scale,
            "question": study.question,
            "baseline": study.baseline,
            "notes": list(notes(self)),
            "tasks": {
                task: {
                    "metric": study.tasks[task].metric,
                    "rows": {row: _cell_json(cell) for row, cell in cells.items()},
                }
                for task, cells in self.cells.items()
            },
        }

    def render(self, console: "Console") -> None:
        """Prints question, table and notes."""
        header, rows = lines(self)
        study = self.plan.study
        console.print(Text(f" {study.name} ({self.plan.scale})  {study.question}".rstrip(), "bold"), soft_wrap=True)
        first, *rest = aligned([header, *rows])
        console.print(Text(first, "dim"), soft_wrap=True)
        for line in rest:
            console.print(Text(line), soft_wrap=True)
        for note in notes(self):
            console.print(Text(f" {note}", "dim"), soft_wrap=True)


def collect(plan: Plan) -> StudyTable:
    """The table of a study's results as they are now."""
    study, table = plan.study, StudyTable(plan)
    for task, about in study.tasks.items():
        table.cells[task] = {}
        for row in study.rows:
            runs = [run for use, run in plan.cells.items() if (use.task, use.row) == (task, row)]
            if runs:
                cell = Cell(runs, about.paper.get(row), about.expect.get(row, ""))
                cell.estimate = estimate(cell.values) if cell.values else None
                table.cells[task][row] = cell
        base = table.cells[task].get(study.baseline)
        for cell in table.cells[task].values():
            if base is not None and cell is not base and cell.values and base.values:
                cell.difference = difference(cell.values, base.values)
    return table


def lines(table: StudyTable) -> tuple[list[str], list[list[str]]]:
    """The header and the cells of every row, all text."""
    study = table.plan.study
    header, rows = ["row"], [[row.label or key] for key, row in study.rows.items()]
    for task, cells in table.cells.items():
        about = study.tasks[task]
        header.append(f"{about.label or task} {metric_name(about.metric)}")
        for line, key in zip(rows, study.rows, strict=True):
            line.append(_score(cells[key]) if key in cells else SKIPPED)
        if len(study.rows) > 1:
            base = study.rows[study.baseline]
            header.append(f"against {base.label or study.baseline}")
            for line, key in zip(rows, study.rows, strict=True):
                line.append(_against(cells[key]) if key in cells else SKIPPED)
        if about.paper:
            header.append("paper")
            for line, key in zip(rows, study.rows, strict=True):
                line.append(_paper(about.paper.get(key)))
    return header, rows


def notes(table: StudyTable) -> Iterator[str]:
    """What stands below the table: protocols, what is not as in the paper, what has no number yet."""
    study = table.plan.study
    for task, cells in table.cells.items():
        yield from _protocol(study.tasks[task].label or task, [r for cell in cells.values() for r in cell.results])
    for key, task in study.tasks.items():
        if task.differs:
            yield f"{task.label or key}: {task.differs}"
    for key, row in study.rows.items():
        if row.differs:
            yield f"{row.label or key}: {row.differs}"
    yield from study.notes
    for task, cells in table.cells.items():
        for row, cell in cells.items():
            yield from _remarks(f"{study.tasks[task].label or task} × {study.rows[row].label or row}", cell)
    every = [cell for cells in table.cells.values() for cell in cells.values()]
    changed = [run.changed for cell in every for run in cell.runs if run.changed]
    if changed:
        yield f"{len(changed)} of {sum(len(cell.runs) for cell in every)} runs: {changed[0]}"
    if any(cell.estimate and cell.estimate.half_width is not None for cell in every):
        over = "pairs of seeds" if len(study.stages) > 1 else "seeds"
        yield f"±: 95 % interval of the mean over {over} (Student's t); higher, lower: Welch's t, 95 %"
    if any(_shares_upstream(cell) for cell in every):
        yield "pairs that share a pretraining run are not independent: their intervals are too narrow"
    if any(cell.difference and cell.difference.verdict is None for cell in every):
        yield "a single number has no interval, so no verdict: list more seeds"


def _protocol(task: str, results: list[Result]) -> Iterator[str]:
    protocols = [result.protocol for result in results]
    keys = list(dict.fromkeys(key for protocol in protocols for key in protocol))
    values = {key: list(dict.fromkeys(protocol.get(key, ABSENT) for protocol in protocols)) for key in keys}
    shared = [key for key in keys if len(values[key]) == 1]
    order = [key for key in IN_TITLE if key in shared] + [key for key in shared if key not in IN_TITLE]
    if order:
        yield f"{task}: " + " · ".join(protocol_words(key, values[key][0]) for key in order)
    for key in keys:
        if key not in shared:
            yield f"{task}: {key} is not the same for all: {'; '.join(values[key])}"


def _remarks(name: str, cell: Cell) -> Iterator[str]:
    if cell.expected:
        happened = cell.diverged if cell.expected == "diverged" else sum(run.state == "failed" for run in cell.runs)
        yield f"{name}: expected to have {cell.expected}; {happened} of {len(cell.runs)} did"
    if cell.left:
        yield f"{name}: {cell.left} of {len(cell.runs)} runs have not come to their end"


def _shares_upstream(cell: Cell) -> bool:
    upstream = [run.upstream.identity for run in cell.runs if run.upstream is not None]
    return len(set(upstream)) < len(upstream)


def _score(cell: Cell) -> str:
    parts = []
    if cell.estimate is None:
        parts.append("diverged" if cell.diverged else ABSENT)
    else:
        fraction, width = cell.results[0].fraction, cell.estimate.half_width
        parts.append(number(cell.estimate.mean, fraction))
        parts += [f"± {number(width, fraction)}"] if width is not None else []
    counted = [str(len(cell.values))] if cell.values else []
    counted += [f"{cell.diverged} diverged"] if cell.diverged and cell.values else []
    return " ".join([*parts, *([f"({', '.join(counted)})"] if counted else [])])


def _against(cell: Cell) -> str:
    gap = cell.difference
    if gap is None:
        return ""
    fraction = cell.results[0].fraction
    text = f"{'+' if gap.value >= 0 else '-'}{number(abs(gap.value), fraction)}"
    if gap.verdict == INDISTINCT and gap.half_width is not None:
        return f"{text}  {gap.verdict} (would need ±{number(gap.half_width, fraction)})"
    return f"{text}  {gap.verdict}" if gap.verdict else text


def _paper(value: float | str | None) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else f"{value:g}" if value == round(value, 1) else f"{value:.2f}"


def _cell_json(cell: Cell) -> dict[str, Any]:
    return {
        "n": len(cell.values),
        "mean": cell.estimate and cell.estimate.mean,
        "half_width": cell.estimate and cell.estimate.half_width,
        "diverged": cell.diverged,
        "left": cell.left,
        "difference": cell.difference and cell.difference.value,
        "difference_half_width": cell.difference and cell.difference.half_width,
        "verdict": cell.difference and cell.difference.verdict,
        "paper": cell.paper,
        "expected": cell.expected or None,
        "protocol": cell.results[0].protocol if cell.results else None,
        "runs": [
            {
                "identity": run.identity,
                "upstream": run.upstream.identity if run.upstream else None,
                "state": run.state.value,
                "value": run.result.value if run.result and not run.diverged else None,
            }
            for run in cell.runs
        ],
    }
