"""Tars made by others, indexed in place."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import webdataset

from docexp.errors import DocexpError
from docexp.shards.adopt import index_tars
from docexp.shards.index import Index
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards


def tar(path: Path, members, form=tarfile.USTAR_FORMAT, mode="w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, format=form) as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def record(page) -> bytes:
    return json.dumps(page.to_json()).encode()


def sample(page, key=None, suffix="png"):
    key = key or page.id
    return [(f"{key}.{suffix}", page.image), (f"{key}.json", record(page))]


def test_indexing_written_tars_gives_the_index_that_was_written(make_set, tmp_path, facts):
    written = make_set()
    adopted = index_tars(written.folder, tmp_path / "index", facts)
    assert adopted.adopted and not written.adopted
    assert adopted.checksum == written.checksum
    assert (adopted.table == written.table).all() and adopted.splits == written.splits
    assert [(s.size, s.sha256, s.rows) for s in adopted.shards] == [(s.size, s.sha256, s.rows) for s in written.shards]
    readers = ShardReader(adopted), ShardReader(written)
    assert all(readers[0].members(row) == readers[1].members(row) for row in range(len(written)))
    (written.folder / "index.json").unlink()
    beside = index_tars(written.folder, written.folder, facts)
    assert [shard.name for shard in beside.shards] == [shard.name for shard in written.shards]
    assert beside.checksum == written.checksum


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_any_order_inside_a_sample_long_names_and_other_members(tmp_path, make_page, facts, form):
    pages = [make_page(f"p{n}", number=n) for n in range(4)]
    long = "ä" * 70 if form != tarfile.USTAR_FORMAT else "a" * 70
    members = [("README", b"no sample"), ("__meta__", b"x"), ("__shard__/index.json", b"{}")]
    members += sample(pages[0], "dir.v1/a", "PNG")
    members += reversed(sample(pages[1], f"{long}/{long}"))
    members += [("./c.cls", b"3"), *sample(pages[2], "./c"), ("./c.codes.npy", b"\x93NUMPY")]
    members += [("d.json", record(pages[3])), ("._d.json", b"apple")]
    path = tar(tmp_path / "test-0.tar", members, form)
    index = index_tars(path, tmp_path / "out", facts)
    reader = ShardReader(index)
    assert [reader.read(row).id for row in range(len(index))] == ["p0", "p1", "p2", "p3"]
    assert [reader.read(row).image for row in range(len(index))] == [page.image for page in pages[:3]] + [None]
    assert reader.members(2).keys() == {"cls", "png", "json", "codes.npy"}
    assert index.contents("test").members == {"cls": 1, "codes.npy": 1, "json": 4, "png": 3}
    assert index.report["refused"] == {"tar members that belong to no sample": 4}
    library = list(webdataset.WebDataset([str(path)], shardshuffle=False))
    assert [s["__key__"] for s in library] == [reader.key(row) for row in range(len(index))]


def test_splits_come_from_the_names_of_tars_or_folders(tmp_path, make_page, facts):
    names = ["funsd-train-0.tar", "b/dev-10.tar", "b/dev-9.tar", "test/00000.tar"]
    for number, name in enumerate(names):
        tar(tmp_path / "tars" / name, sample(make_page(f"p{number}", number=number)))
    index = index_tars(tmp_path / "tars", tmp_path / "tars", facts)
    assert list(index.splits) == ["train", "validation", "test"]
    assert [shard.name for shard in index.shards] == [names[0], names[2], names[1], names[3]]
    nameless = tar(tmp_path / "other" / "00000.tar", sample(make_page("p")))
    with pytest.raises(DocexpError, match="neither its name nor its folder's tells the split"):
        index_tars(nameless, tmp_path / "out", facts)
    index = index_tars([nameless], tmp_path / "out", facts, split="test")
    assert list(index.splits) == ["test"] and index.shards[0].name == str(nameless)


def test_samples_that_are_no_pages_name_tar_key_and_what_is_missing(tmp_path, make_page, facts):
    good, values = make_page("p"), make_page("p").to_json()
    outside = json.dumps(values | {"word_boxes": [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 51, 1]]}).encode()
    cases = [
        ([("k.cls", b"3"), ("k.jpg", b"x")], r"has no \.json with the page's record, only \.cls, \.jpg"),
        ([("k.json", b"{")], "does not parse"),
        ([("k.json", b"[1]")], "no page record: id, width, height, words, word_boxes missing"),
        ([("k.json", b'{"id": "a", "words": []}')], "no page record: width, height, word_boxes missing"),
        ([("k.json", json.dumps(values | {"label": 3}).encode())], "label"),
        ([("k.json", json.dumps(values | {"id": 3}).encode())], "must be text"),
        ([("k.json", outside)], r"word 2 '12': box \(0, 0, 51, 1\) is outside the page of 50 × 60"),
        ([*sample(good, "k"), ("k.jpg", b"")], r"2 images \(png, jpg\)"),
        ([*sample(good, "k"), ("k.JSON", b"")], r"two members \.json"),
        ([*sample(good, "k"), *sample(good, "l")], "'p' comes twice: as page 1 of test and page 2 of test"),
        ([], "nothing to write"),
    ]
    for number, (members, said) in enumerate(cases):
        path = tar(tmp_path / f"{number}" / "test-0.tar", members)
        with pytest.raises(DocexpError, match=said) as caught:
            index_tars(path, tmp_path / "out", facts)
        assert "comes twice" in said or not members or f"{path}, sample k" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [100, 513, 2000, "samples", "header", "marker"])
def test_tars_that_end_too_early_or_go_on_are_refused(tmp_path, make_page, facts, cut):
    pages = [make_page(f"p{n}", number=n) for n in range(3)]
    path = tar(tmp_path / "test-0.tar", [member for page in pages for member in sample(page)])
    with tarfile.open(path) as file:
        third = file.getmembers()[4].offset
    if cut == "header":
        data = bytearray(path.read_bytes())
        data[third + 3] ^= 0xFF
        path.write_bytes(data)
    elif cut == "marker":
        path.write_bytes(path.read_bytes() * 2)
    else:
        os.truncate(path, third if cut == "samples" else third + cut)
    with pytest.raises(DocexpError, match=f"{path} (cannot be indexed|lacks its end marker|is damaged at byte)"):
        index_tars(path, tmp_path / "out", facts)
    assert not (tmp_path / "out").exists()


def test_what_is_no_plain_tar_says_so(tmp_path, make_page, facts):
    packed = tar(tmp_path / "test-0.tar", sample(make_page("p")), mode="w:gz")
    with pytest.raises(DocexpError, match=r"compressed.*Unpack"):
        index_tars(packed, tmp_path / "out", facts)
    packed.write_bytes(b"plain text" * 100)
    with pytest.raises(DocexpError, match="damaged or no tar"):
        index_tars(packed, tmp_path / "out", facts)
    packed.write_bytes(b"")
    with pytest.raises(DocexpError, match="damaged or no tar"):
        index_tars(packed, tmp_path / "out", facts)
    with pytest.raises(DocexpError, match="no such file"):
        index_tars(tmp_path / "absent.tar", tmp_path / "out", facts)
    packed.unlink()
    with pytest.raises(DocexpError, match=r"holds no \.tar files"):
        index_tars(tmp_path, tmp_path / "out", facts)


def test_tars_of_others_are_never_overwritten(tmp_path, make_page, facts, pages):
    path = tar(tmp_path / "tars" / "train-00000.tar", sample(make_page("p")))
    before = path.read_bytes()
    index = index_tars(tmp_path / "tars", tmp_path / "tars", facts)
    with pytest.raises(DocexpError, match="holds an index already"):
        index_tars(tmp_path / "tars", tmp_path / "tars", facts)
    with pytest.raises(DocexpError, match="did not write"):
        write_shards(pages, tmp_path / "tars", facts, again=True)
    assert path.read_bytes() == before
    assert Index.open(tmp_path / "tars").checksum == index.checksum
    tar(tmp_path / "tars" / "train-1.tar", sample(make_page("q")))
    assert len(index_tars(tmp_path / "tars", tmp_path / "tars", facts, again=True)) == 2
    os.truncate(path, 600)
    with pytest.raises(DocexpError, match="Restore it, or index the tars anew: docexp data"):
        ShardReader(Index.open(tmp_path / "tars"))


def test_tars_of_an_unfinished_write_are_not_adopted(tmp_path, make_page, facts):
    tar(tmp_path / "train-0.tar", sample(make_page("p")))
    (tmp_path / "train-1.tar.partial").touch()
    with pytest.raises(DocexpError, match="did not finish"):
        index_tars(tmp_path, tmp_path, facts)
