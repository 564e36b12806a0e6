"""An index with any damage: pages, or one error of ours that says what to do; never another exception."""

import copy
import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.shards.check import check
from docexp.shards.index import INDEX, TABLE, Index
from docexp.shards.read import ShardReader

ODD = [None, True, -1, 10**30, 1.5, "", "x", [], {}, [[1]], "../../x"]


def places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def damaged(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    record = copy.deepcopy(record)
    holder, key = rng.choice(places(record))
    if rng.random() < 0.3:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD))
    return record


def read_all(index: Index) -> None:
    reader = ShardReader(index)
    for row in range(len(index)):
        assert reader.shard_name(row)  # asked for when a page is skipped
        reader.read(row)


def test_whatever_is_damaged_there_are_pages_or_an_error_of_ours(make_set, pages):
    index = make_set(given=pages[:8])
    record, table = json.loads((index.folder / INDEX).read_text()), (index.folder / TABLE).read_bytes()

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 2**32))
    def survives(seed: int) -> None:
        rng = random.Random(seed)
        broken = bytearray(table)
        if rng.random() < 0.5:
            (index.folder / INDEX).write_text(json.dumps(damaged(record, rng)))
        else:
            (index.folder / INDEX).write_text(json.dumps(record))
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        (index.folder / TABLE).write_bytes(broken)
        try:
            read_all(Index.open(index.folder))
        except DocexpError as error:
            assert str(error)
        try:
            assert all(finding.text for finding in check(Index.open(index.folder)))
        except DocexpError as error:
            assert str(error)

    survives()
