"""Codes added to a set: the pages stay, and neither processes nor kills change a byte."""

import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docexp.documents.images import square_image
from docexp.errors import DocexpError
from docexp.shards.adopt import index_tars
from docexp.shards.check import check
from docexp.shards.codes import stored_codes
from docexp.shards.index import Index, SetFacts
from docexp.shards.read import ShardReader
from docexp.shards.tokenize import Tokenization

GREY = '''
import numpy as np
from docexp.documents.images import square_image

class Grey:
    """A code is the grey of its cell."""
    checksum, vocabulary = "9" * 64, 256

    def codes(self, pages, grid):
        return np.stack([np.asarray(square_image(page, grid).convert("L"), np.int64) for page in pages])

class Other(Grey):
    checksum = "8" * 64

class Restless(Grey):
    made = 0

    @property
    def checksum(self):
        Restless.made += 1
        return str(Restless.made)
'''

DYING = """
    import os, signal, sys
    from pathlib import Path
    from docexp.shards.index import Index
    from docexp.shards.tokenize import Tokenization
    from grey_tokenizer import Grey

    folder, out, jobs, last = sys.argv[1:]
    pages = 0

    def progress(more):
        global pages
        pages += more
        if pages == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    if __name__ == "__main__":
        Tokenization(Index.open(Path(folder)), Grey, 4, Path(out), "again", jobs=int(jobs), progress=progress).run()
"""


@pytest.fixture
def grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module with a tokenizer of no weights, which other processes can import too."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "grey_tokenizer.py").write_text(GREY)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'code'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.delitem(sys.modules, "grey_tokenizer", raising=False)
    return importlib.import_module("grey_tokenizer")


@pytest.fixture
def plain(make_set) -> Index:
    return make_set("plain")


@pytest.fixture
def tokenize(plain: Index, grey, tmp_path: Path):
    """``tokenize(name, **settings)`` writes the set with codes; what was said is in ``tokenize.said``."""

    def make(name: str, **settings) -> Index:
        given = {"index": plain, "open_tokenizer": grey.Grey, "grid": 4, "out": tmp_path / name} | settings
        return Tokenization(command="again", say=make.said.append, **given).run()

    make.said = []
    return make


def bytes_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def die(plain: Index, out: Path, jobs: int, page: int) -> None:
    words = [str(plain.folder), str(out), str(jobs), str(page)]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(DYING), *words], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_pages_splits_order_and_cut_stay_and_codes_are_added(tokenize, plain):
    coded = tokenize("coded")
    assert {name: contents.rows for name, contents in coded.splits.items()} == {
        name: contents.rows for name, contents in plain.splits.items()
    }
    assert list(coded.splits) == ["train", "minival", "test"]
    assert len(plain.shards) > 3
    assert [(shard.name, shard.rows) for shard in coded.shards] == [(shard.name, shard.rows) for shard in plain.shards]
    with_codes, without = ShardReader(coded), ShardReader(plain)
    for row in range(len(plain)):
        members, before = dict(with_codes.members(row)), without.members(row)
        codes = stored_codes(members, "here").reshape(4, 4)
        np.testing.assert_array_equal(codes, np.asarray(square_image(without.read(row), 4).convert("L")))
        assert with_codes.key(row) == without.key(row)
        del members["codes.npy"]
        assert members == before


def test_the_index_keeps_its_facts_and_says_whose_codes(tokenize, make_set, facts):
    facts.images, facts.ocr_engine = "png", "tesseract"
    coded = tokenize("coded", index=make_set("other"))
    assert (coded.facts.images, coded.facts.ocr_engine, coded.facts.name) == ("png", "tesseract", "tiny")
    assert coded.facts.command == "again"
    assert coded.facts.codes is not None
    assert (coded.facts.codes.tokenizer, coded.facts.codes.grid, coded.facts.codes.vocabulary) == ("9" * 64, 4, 256)


def test_with_codes_it_is_another_set_and_the_old_one_is_untouched(tokenize, plain):
    before = bytes_of(plain.folder)
    assert tokenize("coded").checksum != plain.checksum
    assert bytes_of(plain.folder) == before


@pytest.mark.slow
def test_two_processes_give_the_bytes_of_one(tokenize):
    assert bytes_of(tokenize("two", jobs=2).folder) == bytes_of(tokenize("one").folder)


@pytest.mark.parametrize(("page", "jobs"), [(20, 1), pytest.param(37, 2, marks=pytest.mark.slow), (52, 1)])
def test_killed_and_typed_again_gives_the_bytes_of_an_undisturbed_start(tokenize, plain, tmp_path, page, jobs):
    wanted, counted = bytes_of(tokenize("wanted").folder), []
    die(plain, tmp_path / "coded", jobs, page)
    with pytest.raises(DocexpError, match="did not finish"):
        Index.open(tmp_path / "coded")
    assert bytes_of(tokenize("coded", progress=counted.append).folder) == wanted
    assert counted[0] > 0 and sum(counted) == 52
    assert tokenize.said == [f"goes on from an earlier start, with {counted[0]} pages written"]


def test_another_tokenizer_begins_anew_and_says_so(tokenize, plain, tmp_path, grey):
    die(plain, tmp_path / "coded", 1, 40)
    coded = tokenize("coded", open_tokenizer=grey.Other, grid=3)
    assert tokenize.said == ["begins anew: an earlier start here had another image tokenizer and grid"]
    assert stored_codes(ShardReader(coded).members(51), "here").shape == (9,)


def test_a_set_that_is_there_is_left_and_said(tokenize, make_set, grey):
    before = bytes_of(tokenize("coded").folder)
    again = tokenize("coded")
    assert bytes_of(again.folder) == before
    assert tokenize.said == [f"{again.folder} holds these codes already; nothing was done"]
    for other in ({"grid": 3}, {"open_tokenizer": grey.Other}, {"index": make_set("turned", shard_bytes=30_000)}):
        with pytest.raises(DocexpError, match="holds an index already"):
            tokenize("coded", **other)
    assert tokenize("coded", grid=3, again=True).facts.codes.grid == 3


def test_a_set_that_lost_a_tar_is_not_taken_for_finished(tokenize):
    coded = tokenize("coded")
    coded.path(1).unlink()
    with pytest.raises(DocexpError, match="is missing"):
        tokenize("coded")


def test_codes_are_replaced_by_those_of_another_grid(tokenize):
    twice = tokenize("twice", index=tokenize("once"), grid=2)
    assert stored_codes(ShardReader(twice).members(0), "here").shape == (4,)
    assert Counter(suffix for row in range(52) for suffix in ShardReader(twice).members(row))["codes.npy"] == 52


def test_a_page_without_image_is_named_before_anything_is_written(tokenize, make_set, make_page, tmp_path):
    given = [("train", make_page("a")), ("train", make_page("b", image=None)), ("test", make_page("c", document="z"))]
    with pytest.raises(DocexpError, match=r"1 of 1 pages of \w+ have no image.*'b' in train-00000\.tar"):
        tokenize("coded", index=make_set("bare", given))
    assert list((tmp_path / "coded").iterdir()) == []


def test_an_image_that_does_not_decode_is_named(tokenize, make_set, make_page):
    given = [("train", make_page("a")), ("train", make_page("b", image=b"\x89PNG"))]
    with pytest.raises(DocexpError, match="page b: its image does not decode"):
        tokenize("coded", index=make_set("broken", given))


def test_tars_of_others_become_a_set_with_codes(tokenize, plain, tmp_path):
    adopted = index_tars(
        [plain.path(shard) for shard in range(len(plain.shards))],
        tmp_path / "adopted",
        SetFacts(name="adopted", licence="none", command="docexp data index"),
    )
    coded = tokenize("coded", index=adopted)
    assert not coded.adopted
    ours, theirs = ShardReader(coded), ShardReader(adopted)
    assert [ours.read(row).id for row in range(52)] == [theirs.read(row).id for row in range(52)]


def test_a_folder_of_the_set_itself_is_refused(tokenize, plain):
    before = bytes_of(plain.folder)
    for out, why in [(plain.folder, "folder of the set itself"), (plain.folder / "codes", "lies inside")]:
        with pytest.raises(DocexpError, match=why):
            tokenize("", out=out, again=True)
    assert bytes_of(plain.folder) == before


def test_a_grid_beyond_all_images_is_refused(tokenize):
    with pytest.raises(DocexpError, match="grid=257 is beyond 256"):
        tokenize("coded", grid=257)


def test_a_tokenizer_that_changes_while_it_is_read_is_refused(tokenize, grey):
    with pytest.raises(DocexpError, match="was changed while it was read"):
        tokenize("coded", open_tokenizer=grey.Restless)


def test_the_webdataset_library_finds_the_codes(tokenize):
    webdataset = pytest.importorskip("webdataset")
    coded = tokenize("coded")
    (sample, *_) = webdataset.WebDataset(str(coded.path(0)), shardshuffle=False).decode()
    np.testing.assert_array_equal(sample["codes.npy"].ravel(), stored_codes(ShardReader(coded).members(0), "here"))
    assert sample["json"]["id"] == json.loads(ShardReader(coded).members(0)["json"])["id"]


@pytest.mark.parametrize(
    ("grid", "vocabulary", "fault"),
    [(4, 256, None), (5, 256, "has 16 codes, the index says 5 × 5"), (4, 2, "the index says all are below 2")],
)
def test_the_check_looks_at_codes(tokenize, grid, vocabulary, fault):
    coded = tokenize("coded")
    stated = replace(coded.facts.codes, grid=grid, vocabulary=vocabulary)
    found = check(replace(coded, facts=replace(coded.facts, codes=stated)))
    faults = [finding.text for finding in found if finding.fault]
    assert len(faults) == (52 if fault else 0)
    assert all(fault in text for text in faults)


def test_the_check_misses_codes_that_the_index_promises(tokenize, plain):
    promised = replace(plain, facts=tokenize("coded").facts)
    faults = [finding.text for finding in check(promised) if finding.fault]
    assert len(faults) == 52 and all("has no .codes.npy" in text for text in faults)
