"""Eleven million invented pages: opened without being read, its last batch as near as its first."""

import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from docexp.shards import order as module
from docexp.shards.build import commit_index, stage_index
from docexp.shards.contents import Contents
from docexp.shards.index import Index, SetFacts, Shard
from docexp.shards.order import Order
from docexp.shards.table import ROW

PAGES, SHARDS = 11_000_000, 2_600


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Uneven shards, a tenth of each held out, as an index of IIT-CDIP would have it."""
    folder = tmp_path_factory.mktemp("large")
    table = np.zeros(PAGES, ROW)
    kept = PAGES * 9 // 10
    for first, stop in ((0, kept), (kept, PAGES)):
        cuts = np.sort(np.random.default_rng(0).integers(0, stop - first, SHARDS - 1))
        table["shard"][first:stop] = np.searchsorted(cuts, np.arange(stop - first), side="right")
    table["offset"] = np.arange(PAGES) * 512
    table["size"] = 512
    table["words"] = 300
    shards = [Shard(f"train-{n:05d}.tar", "train", 10**9, f"{n:064x}") for n in range(SHARDS)]
    for shard in shards:
        with (folder / shard.name).open("wb") as file:
            file.truncate(shard.size)  # a hole: no disk is used
    splits = {"train": Contents(range(kept), kept, 300 * kept, 0)}
    splits["minival"] = Contents(range(kept, PAGES), PAGES - kept, 300 * (PAGES - kept), 0)
    stage_index(folder, SetFacts(name="large", licence="", command=""), shards, splits, table)
    commit_index(folder)
    yield folder
    shutil.rmtree(folder)  # half a gigabyte


MEASURE = """
    import json, resource, sys
    from pathlib import Path
    from docexp.shards.index import Index
    from docexp.shards.order import Order
    from docexp.shards.read import ShardReader

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

    before = resident()
    index = Index.open(Path(sys.argv[1]))
    rows = index.split("train+minival")
    order = Order(rows, index.shard_starts(rows), 0, 2048)
    reader = ShardReader(index)
    words = int(index.table["words"][-1]) - 300
    words += sum(int(reader.entry(row)["words"]) for row in order.batch(0, 0))
    for k in [*range(1, 2000, 50), *range(order.batches_per_epoch - 40, order.batches_per_epoch)]:
        words += sum(int(reader.entry(row)["words"]) for row in order.batch(k % 3, k))
    print(json.dumps({"memory": resident() - before, "words": words}))
"""


def test_opening_and_reading_it_costs_a_worker_little_memory(folder):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEASURE), str(folder)], capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)
    print(measured)
    assert measured["words"] == 300 * (80 * 2048 + PAGES % 2048)
    assert measured["memory"] < 100


def test_the_last_batch_takes_no_more_work_than_the_first(folder, monkeypatch):
    index = Index.open(folder)
    rows = index.split("train+minival")
    drawn: list[int] = []
    real = module._permutation.__wrapped__
    monkeypatch.setattr(module, "_permutation", lambda *key: (drawn.append(key[-1]), real(*key))[1])
    order = Order(rows, index.shard_starts(rows), 0, 2048)
    work = []
    for k in (0, 1, order.batches_per_epoch // 2, order.batches_per_epoch - 1):
        drawn.clear()
        assert len(order.batch(4, k)) > 0
        work.append(sum(drawn))
    assert max(work) < PAGES / 100
    assert max(work) < 20 * min(work)
