"""The index: splits as row ranges, the hold-out of documents, a checksum that knows only contents."""

import json
import pickle
import shutil

import numpy as np
import pytest

from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.shards.table import hash64


def document_split(pages, index):
    """Oracle of the hold-out: the documents of train with the lowest hashes."""
    documents = {page.document_id for split, page in pages if split == "train"}
    return sorted(documents, key=hash64)[: round(len(documents) / 10)]


def test_splits_are_ranges_and_a_tenth_of_the_documents_is_held_out(make_set, pages):
    index = make_set()
    train = [page for split, page in pages if split == "train"]
    held = document_split(pages, index)
    assert len(held) == 2
    assert index.contents("minival").pages == sum(page.document_id in held for page in train)
    assert (index.contents("minival").documents, index.contents("train+minival").documents) == (2, 15)
    assert index.split("train").stop == index.split("minival").start
    assert index.split("train+minival") == range(0, len(train))
    assert index.split("test") == range(len(train), len(pages))
    hashes = {hash64(document) for document in held}
    assert set(index.table["document"][list(index.split("minival"))].tolist()) == hashes
    assert not hashes & set(index.table["document"][list(index.split("train"))].tolist())


def test_rows_keep_the_order_of_the_tars_within_a_split(make_set):
    index = make_set()
    for name in index.splits:
        rows = index.table[list(index.split(name))]
        places = rows["shard"].astype(np.int64) * 2**40 + rows["offset"].astype(np.int64)
        assert (np.diff(places) > 0).all()


@pytest.mark.parametrize("name", ["train", "minival", "test", "train+minival"])
def test_shard_starts_are_where_the_tar_changes(make_set, name):
    index = make_set()
    rows = index.split(name)
    owners = index.table["shard"][rows.start : rows.stop]
    wanted = [row for row in rows if row == rows.start or owners[row - rows.start] != owners[row - rows.start - 1]]
    assert index.shard_starts(rows).tolist() == wanted
    part = rows[1:]
    assert index.shard_starts(part).tolist() == sorted({part.start} | {row for row in wanted if row > part.start})
    assert index.shard_starts(rows[:1]).tolist() == [rows.start]


def test_no_hold_out_where_a_validation_split_exists_or_one_document_is_all(make_set, make_page):
    given = [(split, make_page(f"{split}{n}")) for n in range(20) for split in ("train", "validation")]
    index = make_set("with", given)
    assert list(index.splits) == ["train", "validation"]
    assert index.split("train") == range(20)
    alone = make_set("alone", [("train", make_page(f"{n}", document="one")) for n in range(9)])
    assert list(alone.splits) == ["train"]
    two = make_set("two", [("train", make_page(f"{n}", document=f"{n % 2}")) for n in range(9)])
    assert sorted(contents.documents for contents in two.splits.values()) == [1, 1]


def test_a_split_that_is_not_there_names_those_that_are(make_set, make_page):
    index = make_set()
    with pytest.raises(DocexpError, match=r"no split 'tests'.*train \(\d+ pages\).*Nearest: test\."):
        index.split("tests")
    with pytest.raises(DocexpError, match="side by side"):
        index.split("train+test")
    with pytest.raises(DocexpError, match="side by side"):
        index.split("minival+train")


def test_contents_count_labels_and_those_without_words_apart(make_set, pages):
    index = make_set()
    train, test = index.contents("train+minival"), index.contents("test")
    assert train.entities == {"blank": 44, "key": 44} and train.entities_with_words == {"key": 44}
    assert train.words == 3 * 44 and train.regions == {"text": 44}
    assert test.annotations == {"entities": 8, "regions": 8} and test.members == {"json": 8, "png": 8}
    assert index.annotations == {"entities", "regions"}
    assert index.names("entities") == ("blank", "key") and index.names("document_classes") == ()
    assert index.summary().startswith("tiny: 52 pages (44 train of which ")


def test_the_checksum_knows_contents_only(make_set, pages, facts, tmp_path):
    first = make_set("first")
    facts.command, facts.name = "another command", "another name"
    second = make_set("second")
    assert first.checksum == second.checksum
    shutil.move(first.folder, tmp_path / "moved")
    assert Index.open(tmp_path / "moved").checksum == first.checksum
    other_order = make_set("third", [*pages[:-7], pages[-1], *pages[-7:-1]])
    other_split = make_set("fourth", [("validation" if s == "test" else s, page) for s, page in pages])
    fewer = make_set("fifth", pages[:-1])
    assert len({index.checksum for index in (first, other_order, other_split, fewer)}) == 4


def test_another_process_maps_the_table_instead_of_getting_a_copy(make_set):
    index = make_set()
    empty = pickle.dumps(index)
    assert len(index.table) == 52
    assert len(pickle.dumps(index)) == len(empty)
    assert (pickle.loads(empty).table == index.table).all()
    assert not index.table.flags.writeable


def test_folders_without_an_index_say_what_to_do(tmp_path):
    with pytest.raises(DocexpError, match="no such folder"):
        Index.open(tmp_path / "absent")
    with pytest.raises(DocexpError, match="no shards"):
        Index.open(tmp_path)
    (tmp_path / "a.tar").touch()
    with pytest.raises(DocexpError, match=r"tars but no index\. Make one: docexp data index"):
        Index.open(tmp_path)


def test_damaged_and_foreign_versions_are_refused(make_set):
    index = make_set()
    record = index.folder / "index.json"
    whole = record.read_text()
    table = (index.folder / "index.bin").read_bytes()
    values = json.loads(whole)
    for broken, said in (
        (whole[:-50], "damaged"),
        ("[]", "damaged"),
        (json.dumps({key: value for key, value in values.items() if key != "shards"}), "damaged.*shards"),
        (json.dumps(values | {"format": 99, "docexp": "9.9"}), r"format 99 \(docexp 9.9\), this docexp reads 1"),
    ):
        record.write_text(broken)
        with pytest.raises(DocexpError, match=said):
            Index.open(index.folder)
    record.write_text(whole)
    for broken, said in ((table[:-1], "52 rows"), (b"X" + table[1:], "format 1"), (b"", "format 1")):
        (index.folder / "index.bin").write_bytes(broken)
        with pytest.raises(DocexpError, match=said):
            _ = Index.open(index.folder).table
    (index.folder / "index.bin").unlink()
    with pytest.raises(DocexpError, match="cannot be read"):
        _ = Index.open(index.folder).table
