"""Each fault, planted once and found once."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
from rich.console import Console

from docexp.shards.adopt import index_tars
from docexp.shards.build import commit_index, stage_index
from docexp.shards.check import check
from docexp.shards.index import Index
from docexp.shards.read import ShardReader
from docexp.shards.stats import render, statistics


@dataclass
class Found:
    faults: list[str]
    notes: list[str]


def look(index: Index, progress=None) -> Found:
    found = check(index, progress)
    assert [finding.fault for finding in found] == sorted((finding.fault for finding in found), reverse=True)
    texts = [[finding.text for finding in found if finding.fault is kind] for kind in (True, False)]
    return Found(texts[0], [text for text in texts[1] if "without words" not in text])  # of which every page has one


def test_whole_shards_have_no_faults(make_set):
    seen = []
    index = make_set()
    found = look(index, seen.append)
    assert (found.faults, found.notes, sum(seen)) == ([], [], len(index))


def test_tars_that_differ_are_faults_and_the_others_are_still_read(make_set):
    index = make_set()
    os.truncate(index.path(0), index.shards[0].size - 1)
    data = bytearray(index.path(1).read_bytes())
    data[700] ^= 1
    index.path(1).write_bytes(data)
    index.path(2).unlink()
    seen = []
    found = look(index, seen.append)
    assert len(found.faults) == 3 and sum(seen) == len(index)
    for shard, said in ((0, "truncated at"), (1, "does not match its checksum. Make"), (2, "is missing")):
        assert f"{index.path(shard)} " in found.faults[shard] and said in found.faults[shard]


def test_images_that_do_not_decode_come_twice_or_lack(make_set, make_page):
    given = [
        ("train", make_page("torn", image=make_page("x").image[:-30])),
        ("train", make_page("one", number=1)),
        ("train", make_page("two", image=make_page("x", number=1).image)),
        ("test", make_page("three", image=make_page("x", number=1).image)),
        ("test", make_page("bare", image=None)),
    ]
    found = look(make_set(given=given, shard_bytes=10**6))
    assert len(found.faults) == 1
    assert "train-00000.tar, sample torn: page torn: its image does not decode" in found.faults[0]
    assert len(found.notes) == 2 and found.notes[1] == "1 page has no image"
    assert found.notes[0].startswith("one image comes 3 times: ")
    for name, split in (("one", "train"), ("two", "train"), ("three", "test")):
        assert any(f"sample {name} ({part})" in found.notes[0] for part in (split, "minival"))


def test_a_document_with_pages_in_two_splits(make_set, make_page, tmp_path, facts):
    given = [("train", make_page(f"a{n}", number=n, document=f"d{n}")) for n in range(5)]
    given += [("test", make_page(f"b{n}", number=n + 9, document=f"d{n + 4}")) for n in range(5)]
    parts = [make_set(split, [item for item in given if item[0] == split]) for split in ("train", "test")]
    tars = [part.path(shard) for part in parts for shard in range(len(part.shards))]
    found = look(index_tars(tars, tmp_path / "both", facts))  # a writer would have refused it
    assert len(found.faults) == 1 and found.notes == []
    assert found.faults[0].startswith("1 document has pages in ") and "sample a4 and " in found.faults[0]


def planted(index: Index, change) -> Index:
    """The same tars with another index."""
    table, splits, shards = np.array(index.table), dict(index.splits), list(index.shards)
    change(table, splits)
    stage_index(index.folder, index.facts, shards, splits, table)
    commit_index(index.folder)
    return Index.open(index.folder)


def test_counts_and_places_that_are_not_those_of_the_pages(make_set):
    index = make_set()

    def miscount(table, splits):
        table["words"][3] += 1
        table["offset"][5] += 7
        splits["test"].entities["key"] += 1

    faults = look(planted(index, miscount)).faults
    assert len(faults) == 2
    assert "row 3 of the index does not fit its page" in faults[0]
    assert "row 5 of the index is no sample" in faults[1]


def test_labels_that_are_not_those_of_the_pages(make_set):
    index = make_set()
    faults = look(planted(index, lambda _, splits: splits["test"].entities.update(key=9))).faults
    assert len(faults) == 1 and "entities of test do not fit the pages" in faults[0]


def test_one_page_listed_twice(make_set):
    index = make_set()

    def twice(table, _):
        table[1] = table[0]

    faults = look(planted(index, twice)).faults
    assert any("one page id comes 2 times" in fault for fault in faults)


def test_a_changed_index(make_set):
    index = make_set()
    data = bytearray((index.folder / "index.bin").read_bytes())
    data[-1] ^= 1
    (index.folder / "index.bin").write_bytes(data)
    assert "index.bin does not match its checksum" in look(Index.open(index.folder)).faults[0]


def test_statistics_are_those_of_the_pages(make_set, make_page):
    counts = [3, 9, 4, 50, 5]
    given = [("train", make_page(f"p{n}", words=["w"] * count, number=n)) for n, count in enumerate(counts)]
    given.append(("test", make_page("t", words=["a", "", "b"], document_class="memo")))
    index = make_set(given=given)
    whole, *parts = statistics(index)
    assert [split.name for split in (whole, *parts)] == ["train+minival", "train", "minival", "test"]
    assert (whole.fewest_words, whole.median_words, whole.most_words) == (3, 5, 50)
    assert (whole.contents.words, whole.contents.documents) == (71, 5)
    assert parts[0].contents.entities["key"] + parts[1].contents.entities["key"] == whole.contents.entities["key"] == 5
    reader = ShardReader(index)
    for split in parts:
        read = [len(reader.read(row).words) for row in split.contents.rows]
        assert (split.fewest_words, split.median_words) == (min(read), pytest.approx(np.median(read)))


def test_statistics_as_tables_show_entities_without_words_apart(make_set):
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(render(statistics(make_set())))
    rows = {line.split("│")[1].strip(): line.split() for line in console.export_text().splitlines() if "│" in line}
    assert rows["blank"][3:] == ["44", "(44)", "│", *rows["blank"][6:]]
    assert rows["key"][3] == "44" and rows["test"][3] == "8"
