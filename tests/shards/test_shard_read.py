"""Reading by row: the page that was written, in any process, or an error that says which tar is broken."""

import multiprocessing
import os
import pickle
import random
from pathlib import Path

import pytest

from docexp.errors import DocexpError
from docexp.shards import read
from docexp.shards.index import Index
from docexp.shards.order import Order
from docexp.shards.read import ShardReader


def plain(page):
    return page.to_json(), page.image, page.image_format


def written(index, pages):
    """The pages in row order: by split, the held-out documents after the rest of train."""
    held = {int(document) for document in index.table["document"][list(index.split("minival"))]}
    from docexp.shards.table import hash64

    def place(item):
        split, page = item
        return (split != "train", hash64(page.document_id) in held)

    return [page for _, page in sorted(pages, key=place)]


def test_every_row_gives_back_its_page_in_any_order(make_set, pages):
    index = make_set()
    reader = ShardReader(index)
    wanted = written(index, pages)
    rows = list(range(len(index)))
    random.Random(0).shuffle(rows)
    for row in rows:
        assert plain(reader.read(row)) == plain(wanted[row])
        assert reader.key(row) == wanted[row].id
        assert set(reader.members(row)) == {"json", "png"}


def test_pages_without_image_and_other_formats(make_set, make_page):
    given = [("test", make_page("a", image=None)), ("test", make_page("b", image=b"any", image_format="jpg"))]
    reader = ShardReader(make_set(given=given))
    assert [plain(reader.read(row)) for row in (0, 1)] == [plain(page) for _, page in given]


def test_a_process_keeps_few_files_open(make_set, monkeypatch):
    index = make_set(shard_bytes=1)
    monkeypatch.setattr(read, "OPEN_FILES", 4)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    reader = ShardReader(index)
    ids = [reader.read(row).id for row in range(len(index))]
    assert len(index.shards) == len(set(ids)) == 52
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) - before <= 5
    reader.close()
    assert reader.read(0).id == ids[0]


def _read_all(reader):
    return [plain(reader.read(row)) for row in range(len(reader.index))]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(make_set, method):
    index = make_set()
    reader = ShardReader(index)
    wanted = _read_all(reader)  # files are open when the others begin
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_read_all, [reader, reader]) == [wanted, wanted]
    assert _read_all(pickle.loads(pickle.dumps(reader))) == wanted


def test_a_truncated_tar_is_found_before_the_first_page(make_set):
    index = make_set()
    path = index.path(1)
    size = path.stat().st_size
    os.truncate(path, size - 700)
    with pytest.raises(DocexpError) as caught:
        ShardReader(index)
    assert str(caught.value) == (
        f"{path} does not match its checksum (truncated at {size - 700:,} of {size:,} bytes). "
        "Make it again: docexp data prepare data=tiny --again"
    )
    path.unlink()
    with pytest.raises(DocexpError, match=f"{path} is missing"):
        ShardReader(index)


def test_sizes_are_told_in_megabytes_where_they_differ_by_some():
    assert read._sizes(41_300_000, 63_000_000) == " (truncated at 41 of 63 MB)"
    assert read._sizes(64_400_000, 63_000_000) == " (64 instead of 63 MB)"


@pytest.mark.parametrize("where", ["size", "json", "header"])
def test_a_tar_damaged_later_is_named_with_its_checksum(make_set, where):
    index = make_set()
    reader = ShardReader(index)
    place = index.table[2]
    path, first = index.path(int(place["shard"])), int(place["offset"])
    if where == "size":
        os.truncate(path, first + 600)
    else:
        data = bytearray(path.read_bytes())
        at = first if where == "header" else data.index(b'"words"', first)
        data[at : at + 7] = b"\xff" * 7
        path.write_bytes(data)
    with pytest.raises(DocexpError, match=f"{path} does not match its checksum"):
        reader.read(2)


def test_a_row_that_is_no_sample_of_its_tar(make_set):
    index = make_set()
    table = index.folder / "index.bin"
    data = bytearray(table.read_bytes())
    data[16:24] = (5).to_bytes(8, "little")  # the first row's offset
    table.write_bytes(data)
    with pytest.raises(DocexpError, match="row 0 of the index is no sample"):
        ShardReader(Index.open(index.folder)).read(0)


def test_an_epoch_over_uneven_shards_reads_every_page_once(make_set, pages):
    index = make_set()
    rows = index.split("train+minival")
    assert len({len(range(*part)) for shard in index.shards for part in shard.rows}) > 1
    order, reader = Order(rows, index.shard_starts(rows), 0, 7, 2), ShardReader(index)
    for epoch in range(2):
        ids = [reader.read(row).id for k in range(order.batches_per_epoch) for row in order.batch(epoch, k)]
        assert sorted(ids) == sorted(page.id for split, page in pages if split == "train")
