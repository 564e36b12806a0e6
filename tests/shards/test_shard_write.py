"""Shards are plain WebDataset tars, the same bytes every time, and never half there."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import webdataset

from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.shards.members import sample_key
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards


def contents_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_the_webdataset_library_reads_the_same_bytes(make_set, pages):
    index = make_set()
    assert sum(shard.split == "train" for shard in index.shards) > 2
    for split in ("train", "test"):
        urls = [str(index.folder / shard.name) for shard in index.shards if shard.split == split]
        read = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))
        wanted = [page for of_split, page in pages if of_split == split]
        assert [sample["__key__"] for sample in read] == [sample_key(page.id) for page in wanted]
        for sample, page in zip(read, wanted, strict=True):
            assert sample["png"] == page.image
            assert json.loads(sample["json"]) == page.to_json()


def test_the_same_pages_give_the_same_bytes(make_set, pages, monkeypatch):
    first = make_set("first")
    monkeypatch.setattr("time.time", lambda: 1e9)
    second = make_set("second", iter(pages))
    assert contents_of(first.folder) == contents_of(second.folder)


def test_splits_in_turns_give_the_bytes_of_splits_one_after_the_other(make_set, pages):
    mixed = make_set("mixed")
    sorted_ = make_set("sorted", sorted(pages, key=lambda item: item[0] != "train"))
    assert contents_of(mixed.folder) == contents_of(sorted_.folder)


def test_ids_of_any_kind_become_keys_that_the_library_keeps(make_set, make_page):
    ids = ["a.b/c.d", "a_b", "a-b", "a b", "é", "..", "__x__", "%2E", ".", "~", "x" * 300, "x" * 299 + "y", "A" * 81]
    index = make_set(given=[("test", make_page(name)) for name in ids], shard_bytes=10**6)
    keys = [sample["__key__"] for sample in webdataset.WebDataset([str(index.path(0))], shardshuffle=False)]
    assert len(keys) == len(set(keys)) == len(ids)
    reader = ShardReader(index)
    assert [reader.key(row) for row in range(len(ids))] == keys
    assert [reader.read(row).id for row in range(len(ids))] == ids


def test_an_id_that_comes_twice_is_refused_naming_both_places(make_set, make_page, tmp_path):
    given = [("train", make_page("a")), ("train", make_page("b")), ("test", make_page("c")), ("test", make_page("b"))]
    with pytest.raises(DocexpError, match=r"'b' comes twice: as page 2 of train and page 2 of test"):
        make_set(given=given)
    assert list((tmp_path / "set").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "nothing to write"), ([("../x", "p")], "letters, digits"), ([("a+b", "p")], "letters, digits")],
)
def test_nothing_and_wrong_splits_are_refused(make_set, make_page, given, said):
    with pytest.raises(DocexpError, match=said):
        make_set(given=[(split, make_page(name)) for split, name in given])


def test_text_that_is_no_unicode_is_refused(make_set, make_page):
    with pytest.raises(DocexpError, match="surrogate"):
        make_set(given=[("train", make_page("a", words=["\ud800"]))])


def test_an_index_is_replaced_only_on_demand(make_set, pages):
    before = make_set()
    assert len(before.shards) > 4
    with pytest.raises(DocexpError, match="--again"):
        make_set(given=pages[:9])
    assert Index.open(before.folder).checksum == before.checksum
    after = make_set(given=pages[:9], again=True)
    assert len(after) == 9
    assert {file.name for file in after.folder.iterdir()} == {"index.json", "index.bin"} | {
        s.name for s in after.shards
    }


def test_tars_of_others_are_left_alone(make_set, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train-00000.tar").write_bytes(b"precious")
    for again in (False, True):
        with pytest.raises(DocexpError, match=r"did not write, such as train-00000\.tar"):
            make_set(again=again)
    assert contents_of(tmp_path / "set") == {"train-00000.tar": hashlib.sha256(b"precious").hexdigest()}


def test_a_target_that_is_a_file_is_refused(make_set, tmp_path):
    (tmp_path / "set").write_text("")
    with pytest.raises(DocexpError, match="cannot be written"):
        make_set()


def test_a_full_disk_is_a_plain_error(make_set, tmp_path):
    code = f"""
        import resource
        import numpy as np
        from docexp.documents.page import Page
        from docexp.errors import DocexpError
        from docexp.shards.index import SetFacts
        from docexp.shards.write import write_shards
        import signal, pathlib
        import webdataset.writer
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        page = lambda n: Page(id=str(n), width=9, height=9, words=(), word_boxes=np.zeros((0, 4)), image=bytes(30_000))
        try:
            pages = (("train", page(n)) for n in range(9))
            write_shards(pages, pathlib.Path({str(tmp_path / "full")!r}), SetFacts(name="", licence="", command=""))
        except DocexpError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert "cannot be written: File too large. Choose another out=DIR." in done.stdout
    assert list((tmp_path / "full").iterdir()) == []


@pytest.mark.parametrize("had_one", [False, True])
def test_a_failing_reader_leaves_the_folder_as_it_was(make_set, pages, tmp_path, had_one):
    before = contents_of(make_set(given=pages[:9]).folder) if had_one else {}

    def failing():
        yield from pages[:40]
        raise DocexpError("page 41 is torn")

    with pytest.raises(DocexpError, match="torn"):
        make_set(given=failing(), again=True)
    assert contents_of(tmp_path / "set") == before


class Killed(BaseException):
    """Stands for SIGKILL: no code of ours handles it after the last page."""


@pytest.mark.parametrize("had_one", [False, True])
def test_a_write_killed_while_it_is_put_in_place_leaves_nothing_trusted(
    make_set, pages, monkeypatch, tmp_path, had_one
):
    wanted = contents_of(make_set("wanted", given=pages[:20]).folder)
    steps = 0
    for step in range(100):
        name = f"set{step}"
        if had_one:
            make_set(name)
        with monkeypatch.context() as patch:
            left = [step]
            _count_down(patch, left)
            try:
                make_set(name, given=pages[:20], again=had_one)
                break
            except Killed:
                steps += 1
        folder = tmp_path / name
        if (folder / "index.json").exists():  # not begun, or done but for the sweeping: all of it must be whole
            index = Index.open(folder)
            assert len(index) in (52, 20) and len(list(map(ShardReader(index).read, range(len(index))))) == len(index)
        else:
            with pytest.raises(DocexpError, match="holds"):
                Index.open(folder)
        make_set(name, given=pages[:20], again=(folder / "index.json").exists())
        assert contents_of(folder) == wanted
    assert steps > (8 if had_one else 5)


def _count_down(patch, left: list[int]) -> None:
    """Kills before the ``left[0]``-th change of a name, counted from the moment that all is staged."""
    staged = [False]
    for name in ("replace", "unlink"):
        real = getattr(Path, name)

        def change(self, *values, real=real, **options):
            if staged[0]:
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
            return real(self, *values, **options)

        patch.setattr(Path, name, change)
    from docexp.shards import write

    real_stage = write.stage_index

    def stage(*values, **options):
        real_stage(*values, **options)
        staged[0] = True

    patch.setattr(write, "stage_index", stage)


def test_a_killed_process_leaves_nothing_trusted(tmp_path, pages, facts):
    code = f"""
        import os, signal, pathlib
        import numpy as np
        from docexp.documents.page import Page
        from docexp.shards.index import SetFacts
        from docexp.shards.write import write_shards

        def pages():
            for n in range(100):
                if n == 57:
                    os.kill(os.getpid(), signal.SIGKILL)
                none = np.zeros((0, 4))
                yield "train", Page(id=str(n), width=9, height=9, words=(), word_boxes=none, image=bytes(3000))

        facts = SetFacts(name="", licence="", command="")
        write_shards(pages(), pathlib.Path({str(tmp_path / "set")!r}), facts, shard_bytes=40_000)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    left = {file.name for file in (tmp_path / "set").iterdir()}
    assert len(left) > 3 and all(name.endswith(".partial") for name in left)
    with pytest.raises(DocexpError, match="did not finish"):
        Index.open(tmp_path / "set")
    index = write_shards(pages, tmp_path / "set", facts)
    assert {file.name for file in index.folder.iterdir()} == {
        "index.json",
        "index.bin",
        *(s.name for s in index.shards),
    }


def test_the_bytes_are_those_of_the_library_s_own_writer(make_set, make_page):
    index = make_set(given=[("train", make_page(f"é{n}", number=n)) for n in range(5)], shard_bytes=10**6)
    reader, buffer = ShardReader(index), io.BytesIO()
    in_tar_order = sorted(range(5), key=lambda row: int(index.table["offset"][row]))
    with webdataset.TarWriter(buffer, user="docexp", group="docexp", mtime=0, encoder=False) as tar:
        for row in in_tar_order:
            tar.write({"__key__": reader.key(row), **reader.members(row)})
    assert index.path(0).read_bytes() == buffer.getvalue()
