"""A comparison as text: a table where it fits, a list of rows where the terminal is too narrow; nothing is cut."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from docexp.report.compare import Comparison, Row, differing_protocol, diverged
from docexp.report.statistics import INDISTINCT
from docexp.runs.differences import ABSENT, differing, partition, short_names, shown
from docexp.runs.state import RunState

if TYPE_CHECKING:
    from rich.console import Console

ACRONYMS = {"f1": "F1", "anls": "ANLS", "map": "mAP", "bleu": "BLEU"}
IN_TITLE = ("data", "pages", "boxes")
"""What of the protocol stands in the title rather than below the table."""
FEW = 4
"""Up to so many differing settings all have a column; of more, those that change in step share one."""
GAP = "   "
UNFINISHED = (RunState.NEW, RunState.RUNNING, RunState.INTERRUPTED, RunState.FAILED)


def render(comparison: Comparison, console: "Console") -> None:
    """Prints title, rows and notes. Into a file or pipe it is always a table, as wide as it needs to be."""
    header, cells = table(comparison)
    lines = aligned([header, *cells])
    fits = not console.is_terminal or max(cell_len(line) for line in lines) <= console.width
    _print(console, " " + title(comparison), "bold")
    if fits:
        _print(console, lines[0], "dim")
        for line in lines[1:]:
            _print(console, line)
    else:
        for row in cells:
            for line in _stacked(header, row):
                _print(console, line)
    for note in notes(comparison):
        _print(console, " " + note, "dim")


def title(comparison: Comparison) -> str:
    """``entity F1 · FUNSD test · 50 pages · word boxes · n = 3``, as far as it is the same for all rows."""
    _, shared = differing_protocol(comparison.rows)
    metrics = list(dict.fromkeys(metric_name(row.metric) for row in comparison.rows if row.metric))
    counts = {len(row.values) for row in comparison.rows}
    parts = [", ".join(metrics) or "no run has finished"]
    parts += [protocol_words(key, shared[key]) for key in IN_TITLE if key in shared]
    if len(counts) == 1:
        parts.append(f"n = {counts.pop()}")
    return " · ".join(parts)


def protocol_words(key: str, value: str) -> str:
    """A protocol's entry as it reads in a line: its value, and for a bare number also what it counts."""
    return f"{int(value):,} {key}" if value.isdigit() else value


def metric_name(name: str) -> str:
    """``entity_f1`` as ``entity F1``."""
    return " ".join(ACRONYMS.get(word, word) for word in name.split("_"))


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The header and the cells of every row, all text."""
    rows = comparison.rows
    base = rows[comparison.baseline]
    names = {metric_name(row.metric) for row in rows if row.metric}
    protocol, _ = differing_protocol(rows)
    columns: list[list[str]] = []
    if any(row.label for row in rows):
        columns.append(["row", *(row.label or ABSENT for row in rows)])
    if not labelled(rows):
        keys, _ = _settings_columns(rows)
        if not keys or len({row.experiment for row in rows}) > 1:
            columns.append(["experiment", *(row.experiment for row in rows)])
        columns += [[name, *(shown(row.settings, key) for row in rows)] for key, name in keys.items()]
        if all(len(row.entries) == 1 for row in rows):
            columns.append(["run", *(row.entries[0].identity for row in rows)])
    columns += [[key, *(row.protocol.get(key, ABSENT) for row in rows)] for key in protocol]
    if len(names) > 1:
        columns.append(["metric", *(metric_name(row.metric) or ABSENT for row in rows)])
    columns.append([names.pop() if len(names) == 1 else "value", *(_score(row) for row in rows)])
    if len({len(row.values) for row in rows}) > 1:
        columns.append(["n", *(str(len(row.values)) for row in rows)])
    if len(rows) > 1:
        against = f"against {base.label}" if base.label else "difference"
        columns.append([against, *(_against(row, base) for row in rows)])
    header, *cells = (list(line) for line in zip(*columns, strict=True))
    return header, cells


def notes(comparison: Comparison) -> list[str]:
    """What stands below the table: protocol, what differs, what is not finished, how the intervals were made."""
    rows = comparison.rows
    lines = []
    _, shared = differing_protocol(rows)
    below = [protocol_words(key, value) for key, value in shared.items() if key not in IN_TITLE]
    if below:
        lines.append("protocol: " + " · ".join(below))
    names, together = _settings_columns(rows)
    if labelled(rows) and len(rows) > 1:
        every = short_names(differing([row.settings for row in rows]))
        lines.append("rows differ in: " + (", ".join(every.values()) or "protocol only"))
    else:
        lines += [f"changes with {names[key]}: {', '.join(others)}" for key, others in together.items()]
    waiting = [
        f"{entry.identity}{f' ({row.label})' if row.label else ''} seed {entry.seed} {entry.state} at step {entry.step}"
        for row in rows
        for entry in row.entries
        if entry.state in UNFINISHED
    ]
    lines += ["not finished: " + item for item in waiting]
    if any(row.estimate and row.estimate.half_width is not None for row in rows):
        lines.append("±: 95 % interval of the mean over seeds (Student's t); higher, lower: Welch's t, 95 %")
    if any(row.difference and row.difference.verdict is None for row in rows):
        lines.append("one seed has no interval, so no verdict: run more, as in docexp train -m … seed=0,1,2")
    return lines


def labelled(rows: Sequence[Row]) -> bool:
    """Whether labels alone tell all rows apart."""
    labels = [row.label for row in rows]
    return all(labels) and len(set(labels)) == len(labels)


def _settings_columns(rows: Sequence[Row]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The differing settings that get a column, with short names, and for some of them those that change in step."""
    flats = [row.settings for row in rows]
    keys = differing(flats)
    names = short_names(keys)
    if len(keys) <= FEW:
        return names, {}
    leaders: dict[tuple[int, ...], str] = {}
    together: dict[str, list[str]] = {}
    for key in keys:
        leader = leaders.setdefault(partition(flats, key), key)
        if leader != key:
            together.setdefault(leader, []).append(names[key])
    return {key: names[key] for key in leaders.values()}, together


def _score(row: Row) -> str:
    lost = diverged(row)
    if row.estimate is None:
        return "diverged" if lost else ABSENT
    mean = number(row.estimate.mean, row.fraction)
    width = row.estimate.half_width
    interval = f" ± {number(width, row.fraction)}" if width is not None else ""
    return f"{mean}{interval}" + (f" ({lost} diverged)" if lost else "")


def _against(row: Row, base: Row) -> str:
    if row is base:
        return "" if base.label else "baseline"
    gap = row.difference
    if gap is None:
        return "other metric" if row.metric and base.metric and row.metric != base.metric else ""
    sign = "+" if gap.value >= 0 else "-"
    text = f"{sign}{number(abs(gap.value), row.fraction)}"
    if gap.verdict == INDISTINCT and gap.half_width is not None:
        return f"{text}  {gap.verdict} (would need ±{number(gap.half_width, row.fraction)})"
    return f"{text}  {gap.verdict}" if gap.verdict else text


def number(value: float, fraction: bool) -> str:
    """A score with the digits that are worth showing: percent with one decimal where it is a fraction."""
    return f"{100 * value:.1f}" if fraction else f"{value:.4g}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines whose columns stand below each other."""
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        lines.append((GAP + GAP.join(padded)).rstrip())
    return lines


def _stacked(header: Sequence[str], row: Sequence[str]) -> list[str]:
    head = row[0] if header[0] == "row" else f"{header[0]} {row[0]}"
    pairs = [(name, cell) for name, cell in zip(header[1:], row[1:], strict=True) if cell]
    width = max((cell_len(name) for name, _ in pairs), default=0)
    return [GAP + head, *(f"{GAP}  {name}{' ' * (width - cell_len(name))}  {cell}" for name, cell in pairs)]


def _print(console: "Console", line: str, style: str = "") -> None:
    # soft_wrap: the terminal may break a line that is too long, rich may not drop its end
    console.print(Text(line, style=style), soft_wrap=True)
