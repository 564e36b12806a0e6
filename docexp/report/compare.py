"""Several runs as the rows of one table: what differs among them, and what each scores over its seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docexp.errors import DocexpError, nearest
from docexp.report.statistics import Difference, Estimate, difference, estimate
from docexp.runs.differences import flat
from docexp.runs.environment import read_environment
from docexp.runs.folder import RunFolder
from docexp.runs.identity import canonical, imported_schema, significant, without_uncounted
from docexp.runs.metrics_log import read as read_metrics
from docexp.runs.result import DIVERGED, Result
from docexp.runs.state import RunState, state_of

if TYPE_CHECKING:
    from rich.console import Console

SEED = "seed"


@dataclass(frozen=True)
class Entry:
    """One run as its folder tells it. ``settings`` are all that count, by dotted key, without the seed."""

    identity: str
    experiment: str
    label: str
    seed: Any
    settings: dict[str, Any]
    state: RunState
    step: int
    result: Result | None


@dataclass
class Row:
    """Runs that differ by seed alone."""

    label: str
    """``label`` of the configuration; empty without one."""
    experiment: str
    settings: dict[str, Any]
    protocol: dict[str, str]
    metric: str
    """The primary metric's name; empty while no run of the row has come to its end."""
    fraction: bool
    entries: list[Entry] = field(default_factory=list)
    estimate: Estimate | None = None
    """Over the finished runs; None without any."""
    difference: Difference | None = None
    """To the baseline; None for the baseline itself and where the metrics are not the same."""

    @property
    def values(self) -> list[float]:
        """The primary metric of every finished run."""
        return [entry.result.value for entry in self.entries if entry.result and entry.state is RunState.FINISHED]


@dataclass(frozen=True)
class Comparison:
    """The rows in the order in which their first runs were given; ``baseline`` is the index of one."""

    rows: list[Row]
    baseline: int

    def render(self, console: "Console") -> None:
        """Prints the table."""
        from docexp.report.render import render

        render(self, console)

    def to_json(self) -> dict[str, Any]:
        """Everything in the table as plain values, unrounded; fractions stay fractions."""
        return {"baseline": self.baseline, "rows": [_row_json(row) for row in self.rows]}


def compare(runs: Sequence[RunFolder], baseline: str = "") -> Comparison:
    """Reads the runs' folders and groups them.

    Args:
        runs: at least one; one that is given twice counts once.
        baseline: the label of the row, or the identity (or its beginning) of a run in it, that the others are
            compared with; empty: the first row.

    Raises:
        DocexpError: no runs, a folder that is damaged, or no such baseline.
    """
    entries = list({run.identity: read_entry(run) for run in runs}.values())
    if not entries:
        raise DocexpError("nothing to compare: name runs, as in docexp compare experiment=finetune/funsd")
    rows = _rows(entries)
    base = _baseline(rows, baseline)
    for row in rows:
        row.estimate = estimate(row.values) if row.values else None
        if row is not rows[base] and row.metric == rows[base].metric and row.values and rows[base].values:
            row.difference = difference(row.values, rows[base].values)
    return Comparison(rows, base)


def read_entry(run: RunFolder) -> Entry:
    """One run from its folder.

    Raises:
        DocexpError: a file is missing or damaged.
    """
    config = run.read_config()
    state = state_of(run)
    result = Result.read(run.result) if run.result.exists() else None
    counted = without_uncounted(significant(config, read_environment(run).get("extras", {})), _schema_if_there)
    settings = flat(counted)
    seed = settings.pop(SEED, None)
    lines = read_metrics(run.metrics) if run.metrics.exists() else []
    step = result.step if result else int(lines[-1]["step"]) if lines else 0
    experiment, label = str(config.get("experiment", "")), str(config.get("label") or "")
    return Entry(run.identity, experiment, label, seed, settings, state, step, result)


def _schema_if_there(target: str) -> type | None:
    try:
        return imported_schema(target)
    except DocexpError:  # somebody else's code: the run can be shown without it
        return None


def _rows(entries: Sequence[Entry]) -> list[Row]:
    """Groups by settings and, of scored runs, by protocol; runs without a score join their settings' first row."""
    rows: dict[tuple[str, str], Row] = {}
    first: dict[str, Row] = {}
    for entry in sorted(entries, key=lambda entry: entry.state is not RunState.FINISHED):
        settings, result = canonical(entry.settings), entry.result
        if entry.state is not RunState.FINISHED and settings in first:
            row = first[settings]
        else:
            key = (settings, canonical([result.primary_metric, result.protocol]) if result else "")
            row = rows.setdefault(key, _new_row(entry))
            first.setdefault(settings, row)
        row.label = row.label or entry.label
        row.entries.append(entry)
    given = {entry.identity: number for number, entry in enumerate(entries)}
    for row in rows.values():
        row.entries.sort(key=lambda entry: given[entry.identity])
    return sorted(rows.values(), key=lambda row: given[row.entries[0].identity])


def _new_row(entry: Entry) -> Row:
    result = entry.result
    if result is None:
        return Row(entry.label, entry.experiment, entry.settings, {}, "", True)
    return Row(entry.label, entry.experiment, entry.settings, result.protocol, result.primary_metric, result.fraction)


def _baseline(rows: Sequence[Row], named: str) -> int:
    if not named:
        return 0
    for number, row in enumerate(rows):
        if row.label == named or (len(named) >= 4 and any(e.identity.startswith(named) for e in row.entries)):
            return number
    labels = [row.label for row in rows if row.label]
    close = nearest(named, labels)
    hint = f"Nearest: {close[0]}." if close else f"Rows: {', '.join(labels) or 'without labels, give an identity'}."
    raise DocexpError(f"baseline {named} is no row of this table. {hint}")


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "label": row.label,
        "experiment": row.experiment,
        "settings": row.settings,
        "protocol": row.protocol,
        "metric": row.metric,
        "fraction": row.fraction,
        "n": len(row.values),
        "mean": row.estimate and row.estimate.mean,
        "half_width": row.estimate and row.estimate.half_width,
        "difference": row.difference and row.difference.value,
        "difference_half_width": row.difference and row.difference.half_width,
        "verdict": row.difference and row.difference.verdict,
        "runs": [
            {
                "identity": entry.identity,
                "seed": entry.seed,
                "state": entry.state.value,
                "step": entry.step,
                "value": entry.result.value if entry.result and entry.state is not RunState.DIVERGED else None,
            }
            for entry in row.entries
        ],
    }


def diverged(row: Row) -> int:
    """How many runs of the row diverged: shown beside the mean, which is over the others."""
    return sum(entry.result is not None and entry.result.status == DIVERGED for entry in row.entries)


def differing_protocol(rows: Sequence[Row]) -> tuple[list[str], Mapping[str, str]]:
    """The protocol's keys that are not the same in all rows that have a score, and what all share."""
    protocols = [row.protocol for row in rows if row.values]
    keys = list(dict.fromkeys(key for protocol in protocols for key in protocol))
    differing = [key for key in keys if len({protocol.get(key) for protocol in protocols}) > 1]
    return differing, {key: protocols[0][key] for key in keys if key not in differing}
