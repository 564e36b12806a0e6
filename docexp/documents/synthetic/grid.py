"""The plan of a table: which cells there are, what spans what, and which head stands over which cell."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CELLS = ("column_header", "row_header", "group", "cell")
"""The labels of cells; a ``group`` is a row-wide cell that heads the rows below it."""


@dataclass(frozen=True)
class Spot:
    """A cell's place: its first row and column, and how many of each it spans."""

    label: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1

    def covers(self, column: int) -> bool:
        """Whether the cell stands in ``column``."""
        return self.column <= column < self.column + self.columns


@dataclass(frozen=True)
class Grid:
    """A table of ``rows × columns``, whose first ``depth`` rows are heads; ``spots`` come row by row."""

    rows: int
    columns: int
    depth: int
    spots: tuple[Spot, ...]


def plan_grid(rng: random.Random, rows: int, columns: int) -> Grid:
    """A table with a head of one or two rows, a column of row heads, and here and there a spanning cell.

    ``rows`` are those of the body, at least 3; ``columns`` at least 3, the row heads' included.
    """
    depth = 2 if columns >= 4 and rng.random() < 0.5 else 1
    spots = _head(rng, depth, columns)
    grouped = {depth, depth + rng.randrange(2, rows)} if rows >= 5 and rng.random() < 0.5 else set()
    spanned = depth + rng.randrange(rows) if columns >= 4 and rng.random() < 0.4 else None
    for row in range(depth, depth + rows):
        if row in grouped and row < depth + rows - 1:
            spots.append(Spot("group", row, 0, columns=columns))
            continue
        spots.append(Spot("row_header", row, 0))
        wide = rng.randrange(1, columns - 1) if row == spanned else None
        for column in range(1, columns):
            if column - 1 != wide:
                spots.append(Spot("cell", row, column, columns=2 if column == wide else 1))
    return Grid(depth + rows, columns, depth, tuple(sorted(spots, key=lambda spot: (spot.row, spot.column))))


def _head(rng: random.Random, depth: int, columns: int) -> list[Spot]:
    if depth == 1:
        return [Spot("column_header", 0, column) for column in range(columns)]
    first = rng.randrange(1, columns - 1)
    last = rng.randrange(first + 1, columns)
    spots = [Spot("column_header", 0, first, columns=last - first + 1)]
    for column in range(columns):
        inside = first <= column <= last
        spots.append(Spot("column_header", int(inside), column, rows=1 if inside else depth))
    return spots


def heads(grid: Grid) -> Iterator[tuple[int, int, str]]:
    """Every pair of a head and what it stands over, as indices into ``spots`` with ``column`` or ``row``.

    A column's lowest head stands over each body cell of the column, a spanning head over those under it; a row's head
    over its cells, a group over the row heads from it to the next group. With the cells' boxes this is the whole
    structure: a cell under two heads spans two columns.
    """
    lowest = {column: _lowest(grid.spots, column) for column in range(grid.columns)}
    group: int | None = None
    stub: int | None = None
    for number, spot in enumerate(grid.spots):
        if spot.label == "column_header":
            for over, other in enumerate(grid.spots):
                if other.label == spot.label and other.row < spot.row and other.covers(spot.column):
                    yield over, number, "column"
        elif spot.label == "group":
            group = number
        elif spot.label == "row_header":
            stub = number
            if group is not None:
                yield group, number, "row"
            yield lowest[0], number, "column"
        else:
            for column in range(spot.column, spot.column + spot.columns):
                yield lowest[column], number, "column"
            if stub is not None:
                yield stub, number, "row"


def _lowest(spots: Sequence[Spot], column: int) -> int:
    """The head of a column that stands next to its body."""
    found = [n for n, spot in enumerate(spots) if spot.label == "column_header" and spot.covers(column)]
    return max(found, key=lambda n: spots[n].row)
