"""Tables: the structure can be rebuilt from cells and relations alone."""

import random
from collections import Counter

import numpy as np
import pytest

from docexp.documents.page import Entity, Page
from docexp.documents.synthetic import SyntheticTables
from docexp.documents.synthetic.grid import Spot, heads, plan_grid
from docexp.documents.synthetic.table import STYLES


def _pages(count: int) -> list[Page]:
    reader = SyntheticTables(noise="none")
    return [page for number in range(count) for page in reader.document("train", number)]


def _cells(page: Page) -> list[list[Entity]]:
    """The cells of each table, found by its region's middle."""
    tables = [region for region in page.regions or () if region.label == "table"]
    found: list[list[Entity]] = [[] for _ in tables]
    for entity in page.entities or ():
        if entity.label != "other":
            middle = (entity.box[1] + entity.box[3]) / 2
            (at,) = [n for n, table in enumerate(tables) if table.box[1] - 9 <= middle <= table.box[3] + 9]
            found[at].append(entity)
    return found


def test_cells_tile_their_table() -> None:
    for page in _pages(12):
        for cells in _cells(page):
            boxes = np.array([cell.box for cell in cells])
            whole = boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)
            areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            assert areas.sum() == pytest.approx(whole.prod()), "no gap, no overlap"


def test_heads_stand_over_and_beside_what_they_head() -> None:
    for page in _pages(12):
        entities = page.entities or ()
        over: dict[int, list[tuple[str, Entity]]] = {}
        for link in page.relations or ():
            over.setdefault(link.tail, []).append((link.label, entities[link.head]))
        for number, entity in enumerate(entities):
            x0, y0, x1, y1 = entity.box
            for label, head in over.get(number, []):
                if label == "column":
                    assert head.label == "column_header"
                    assert head.box[3] <= y0
                    assert min(x1, head.box[2]) > max(x0, head.box[0]), "they share some width"
                else:
                    assert head.label in ("row_header", "group")
                    assert (head.box[1], head.box[3]) == (y0, y1) if head.label == "row_header" else head.box[3] <= y0
            counts = Counter(label for label, _ in over.get(number, []))
            if entity.label == "cell":
                width = sum(head.box[2] - head.box[0] for label, head in over[number] if label == "column")
                assert width == pytest.approx(x1 - x0), "a cell has as many heads as it spans columns"
                assert counts["row"] == 1
            elif entity.label == "row_header":
                assert counts["column"] == 1
                assert counts["row"] <= 1


def test_there_are_spanning_cells_empty_cells_groups_and_every_style() -> None:
    pages = _pages(40)
    assert {page.document_class for page in pages} == set(STYLES)
    entities = [entity for page in pages for entity in page.entities or ()]
    empty = [entity for entity in entities if not entity.words]
    assert {entity.label for entity in empty} == {"cell"}
    assert 0.02 < len(empty) / sum(entity.label == "cell" for entity in entities) < 0.06
    assert sum(entity.label == "group" for entity in entities) > 20
    heads_of = Counter(
        (page.id, link.tail)
        for page in pages
        for link in page.relations or ()
        if link.label == "column" and (page.entities or ())[link.tail].label == "cell"
    )
    assert sum(count == 2 for count in heads_of.values()) > 10, "cells that span two columns"


def test_bare_tables_are_their_words_and_ruled_ones_their_rules() -> None:
    for page in _pages(20):
        for region, cells in zip(
            [region for region in page.regions or () if region.label == "table"], _cells(page), strict=True
        ):
            words = page.word_boxes[[word for cell in cells for word in cell.words]]
            inked = [*words[:, :2].min(axis=0), *words[:, 2:].max(axis=0)]
            grid = np.array([cell.box for cell in cells])
            lined = [*grid[:, :2].min(axis=0), grid[:, 2].max(), grid[:, 3].max() + 1]
            ruled = [*lined[:2], lined[2] + 1, lined[3]]  # the border on the right is one pixel wide
            assert list(region.box) == {"bare": inked, "ruled": ruled}.get(page.document_class or "", lined)


def test_a_grid_by_hand() -> None:
    grid = plan_grid(random.Random(0), 3, 3)
    assert (grid.rows, grid.columns, grid.depth) == (4, 3, 1)
    assert [spot.label for spot in grid.spots[:3]] == ["column_header"] * 3
    assert grid.spots[3] == Spot("row_header", 1, 0)
    found = set(heads(grid))
    assert (1, 4, "column") in found
    assert (3, 4, "row") in found
    assert (0, 3, "column") in found
    assert len(found) == 3 * 1 + 6 * 2
