"""Shards over HTTP: fetched once for all processes, verified, within the bound, whatever the network does."""

import multiprocessing
import os
import shutil
import threading
import time
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from docexp.errors import DocexpError
from docexp.shards import remote as remote_module
from docexp.shards.ahead import FetchAhead, check_room
from docexp.shards.cache import ShardCache
from docexp.shards.corpora import Corpora
from docexp.shards.index import Index
from docexp.shards.read import ShardReader
from docexp.shards.remote import RemoteFolder
from docexp.shards.remote_index import open_remote


class Server:
    """Serves a folder; ``faults[name]`` is what happens to the next requests for a file, ``asked`` counts them."""

    def __init__(self, folder: Path) -> None:
        self.asked: Counter[str] = Counter()
        self.faults: dict[str, list[str]] = {}
        self.pause = 0.0
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                outer.asked[name] += 1
                time.sleep(outer.pause)
                fault = outer.faults.get(name) and outer.faults[name].pop(0)
                if fault == "500":
                    self.send_error(500)
                elif fault:
                    data = (folder / name).read_bytes()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    cut = {"drop": b"", "truncate": data[: len(data) // 2], "corrupt": b"?" * len(data)}[fault]
                    self.wfile.write(cut)
                    self.close_connection = True
                else:
                    super().do_GET()

            def log_message(self, format: str, *values: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def served(make_set, monkeypatch):
    """A local set and the server of its folder."""
    monkeypatch.setattr(remote_module, "PAUSE", 0.001)
    local = make_set()
    server = Server(local.folder)
    yield local, server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> ShardCache:
    return ShardCache(tmp_path / "cache", 10**7)


def read_all(index: Index) -> list[str]:
    reader = ShardReader(index)
    return [reader.read(row).id for row in range(len(index))]


def tars(cache: ShardCache) -> list[Path]:
    return list((cache.folder / "tars").iterdir())


def test_the_same_pages_come_and_every_file_once(served, cache):
    local, server = served
    index = open_remote(server.url, cache)
    assert (index.checksum, index.where) == (local.checksum, server.url)
    assert server.asked == {"index.json": 1, "index.bin": 1}
    assert read_all(index) == read_all(local)
    again = open_remote(server.url, cache)
    assert read_all(again) == read_all(local) and again.folder == index.folder
    assert server.asked == {"index.json": 2, "index.bin": 1, **{shard.name: 1 for shard in local.shards}}
    assert len(tars(cache)) == len(local.shards) and not list((cache.folder / "partial").iterdir())


@pytest.mark.parametrize("fault", ["drop", "truncate", "500"])
def test_a_network_that_fails_now_and_then_changes_nothing(served, cache, fault):
    local, server = served
    server.faults = {name: [fault] * 2 for name in ("index.json", "index.bin", "train-00001.tar", "test-00000.tar")}
    assert read_all(open_remote(server.url, cache)) == read_all(local)
    assert server.asked["train-00001.tar"] == 3


def test_a_tar_that_came_wrong_is_fetched_once_more_then_refused(served, cache):
    local, server = served
    server.faults = {"train-00001.tar": ["corrupt"]}
    assert read_all(open_remote(server.url, cache)) == read_all(local)
    shutil.rmtree(cache.folder)
    server.faults = {"train-00001.tar": ["corrupt"] * 2}
    with pytest.raises(DocexpError, match=rf"^{server.url}/train-00001\.tar: its checksum .*, fetched twice"):
        read_all(open_remote(server.url, cache))
    assert not list((cache.folder / "partial").iterdir())


def test_a_tar_that_went_bad_in_the_cache_is_fetched_again_once(served, cache):
    local, server = served
    index = open_remote(server.url, cache)
    read_all(index)
    tar = index.path(1)
    os.truncate(tar, 1000)
    assert read_all(index) == read_all(local)
    tar.write_bytes(b"?" * index.shards[1].size)
    assert read_all(index) == read_all(local)
    assert server.asked[index.shards[1].name] == 3


def test_what_is_not_there_is_named_at_once(served, cache):
    local, server = served
    with pytest.raises(DocexpError, match=rf"^{server.url}/away/index.json cannot be read: there is no such file$"):
        open_remote(f"{server.url}/away", cache)
    index = open_remote(server.url, cache)
    local.path(0).unlink()
    with pytest.raises(DocexpError, match=rf"{server.url}/{index.shards[0].name} cannot be read: there is no"):
        index.path(0)
    assert server.asked[index.shards[0].name] == 1


def test_a_server_that_is_gone_is_named_after_all_tries(served, cache):
    _, server = served
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(DocexpError, match=rf"^{server.url}/index.json cannot be fetched, tried 5 times: "):
        open_remote(server.url, cache)


def test_a_full_disk_is_said_at_once(served, cache, monkeypatch):
    local, server = served
    index, name = open_remote(server.url, cache), local.shards[0].name
    with pytest.raises(OSError, match="No space left") as full:
        RemoteFolder(server.url).fetch(name, Path("/dev/full"))
    assert server.asked[name] == 1

    def refused(self, name: str, target: Path) -> None:
        raise full.value

    monkeypatch.setattr(RemoteFolder, "fetch", refused)
    with pytest.raises(DocexpError, match=r"the cache .* cannot be written \(No space left on device\)"):
        ShardReader(index).read(0)


def test_protocols_that_need_a_package_or_are_none(cache, tmp_path, make_set):
    with pytest.raises(DocexpError, match=r"^gs:// needs a package that is not installed: pip install gcsfs$"):
        open_remote("gs://bucket/shards", cache)
    with pytest.raises(DocexpError, match=r"htp:// is no protocol"):
        open_remote("htp://x/shards", cache)
    local = make_set("local")
    assert read_all(open_remote(f"file://{local.folder}", cache)) == read_all(local)


def test_a_table_that_is_not_the_index_s_is_refused(served, cache):
    local, server = served
    table = local.folder / "index.bin"
    table.write_bytes(table.read_bytes()[:-1] + b"?")
    with pytest.raises(DocexpError, match=r"index.bin is not the table that its index.json speaks of"):
        open_remote(server.url, cache)


def _read(url: str, cache: ShardCache, pipe) -> None:
    pipe.send(read_all(open_remote(url, cache)))


def test_processes_that_share_a_cache_fetch_each_tar_once(served, cache):
    local, server = served
    server.pause = 0.02
    context, ends = multiprocessing.get_context("fork"), []
    for _ in range(3):
        ours, theirs = context.Pipe()
        context.Process(target=_read, args=(server.url, cache, theirs), daemon=True).start()
        ends.append(ours)
    assert [end.recv() for end in ends] == [read_all(local)] * 3
    assert all(server.asked[shard.name] == 1 for shard in local.shards)


def test_the_bound_is_kept_and_a_tar_in_use_stays_readable(served, cache):
    local, server = served
    sizes = [shard.size for shard in local.shards]
    small = ShardCache(cache.folder, max(sizes) * 2)
    index = open_remote(server.url, small)
    reader = ShardReader(index)
    first = reader.read(0).id
    for number in range(len(index.shards)):
        index.path(number)
        assert sum(tar.stat().st_size for tar in tars(small)) <= small.most
    assert not (small.folder / "tars" / f"{index.shards[0].sha256}.tar").exists()
    assert reader.read(0).id == first  # its name is gone, the open file is not
    assert read_all(index) == read_all(local)
    with pytest.raises(DocexpError, match=r"data\.cache_gb=1e-06 has no room for"):
        open_remote(server.url, ShardCache(cache.folder / "tiny", 1000)).path(0)


def test_the_tar_unused_for_longest_goes_first(served, cache):
    _, server = served
    index = open_remote(server.url, cache)
    size = index.shards[0].size
    paths = [index.path(number) for number in range(3)]
    for age, path in zip((100, 300, 200), paths, strict=True):
        os.utime(path, (time.time() - age, time.time() - age))
    index.path(1)  # used again
    small = ShardCache(cache.folder, sum(path.stat().st_size for path in paths) + size // 2)
    small.tar(RemoteFolder(server.url), index.shards[3])
    assert [path.exists() for path in paths] == [True, True, False]


def test_what_a_killed_process_reserved_is_free_again(served, cache):
    _, server = served
    index = open_remote(server.url, cache)
    index.path(0)
    for name in ("reserved", "ab12cd34"):
        with (cache.folder / "partial" / f"{index.shards[1].sha256}.{name}").open("wb") as file:
            file.truncate(cache.most)
    index.path(2)
    assert not list((cache.folder / "partial").iterdir())


def test_the_block_that_is_read_and_the_next_are_fetched_ahead(served, cache):
    local, server = served
    index = open_remote(server.url, cache)
    corpora = Corpora.single(index)
    order = corpora.order(lambda index: "train", 0, 4, 2)
    ahead = FetchAhead(corpora, order)
    stream = order.corpora()[0]
    for step in (0, 3, 7):
        ahead.step(step)
        wanted = {
            index.shards[number].name
            for rows in stream.two_blocks(*stream.block_at(*order.turns(step)[0]))
            for number in np.unique(local.table["shard"][rows.start : rows.stop]).tolist()
        }
        deadline = time.monotonic() + 10
        while not wanted <= set(server.asked):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if step == 0:
            assert set(server.asked) == {"index.json", "index.bin"} | wanted
    for step in range(30):  # a step's samples lie in the two blocks, or their successor where it begins in the second
        rows = order.draws(*order.position(step)).rows
        blocks = stream.two_blocks(*stream.block_at(*order.turns(step)[0]))
        assert all(any(row in block for block in blocks) for row in rows.tolist())


def test_a_cache_without_room_for_two_blocks_is_refused(served, cache):
    _, server = served
    corpora = Corpora.single(open_remote(server.url, cache))
    check_room(corpora, 2)
    small = Corpora.single(open_remote(server.url, ShardCache(cache.folder, 70_000)))
    with pytest.raises(DocexpError, match=r"data\.cache_gb=7e-05 holds less than two blocks .* Set data.cache_gb="):
        check_room(small, 2)
    check_room(small, 1)
