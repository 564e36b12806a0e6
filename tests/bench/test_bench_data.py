"""``docexp bench data``: what is compared is the same, what is watched is what is read, wrong words are refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from docexp.bench import data as bench
from docexp.bench.data_memory import growth
from docexp.bench.data_sets import FULL, JPEG, PNG, SHARDS, BenchSets, make_sets, repeated
from docexp.bench.data_settings import DataBenchSettings
from docexp.documents.images import decode
from docexp.errors import DocexpError
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.read import ShardReader
from docexp.verbs.bench import COMMANDS, run

PAGES, SIZE = 9, 32


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> BenchSets:
    return make_sets(tmp_path_factory.mktemp("sets"), PAGES, SIZE)


def test_the_sets_hold_the_same_pages_in_several_tars(sets: BenchSets) -> None:
    readers = {name: ShardReader(index) for name, index in sets.sets.items()}
    assert list(readers) == [FULL, JPEG, PNG]
    for row in range(PAGES):
        pages = [reader.read(row) for reader in readers.values()]
        assert pages[0].to_json() == pages[1].to_json() == pages[2].to_json()
        assert [decode(page).size for page in pages] == [(680, 880), (SIZE, SIZE), (SIZE, SIZE)]
    assert all(2 < len(index.shards) <= SHARDS + 1 for index in sets.sets.values())


def test_every_contestant_reads_every_page_once(sets: BenchSets, monkeypatch: pytest.MonkeyPatch) -> None:
    index, read = sets.sets[JPEG], []
    keys = {ShardReader(index).key(row) for row in range(PAGES)}
    assert {sample["__key__"] for sample in bench._webdataset(index)} == keys
    monkeypatch.setattr(ShardReader, "members", lambda self, row: read.append(row) or {"json": b"{}"})
    bench._shuffled_samples(index)
    assert sorted(read) == list(range(PAGES)) != read
    tokenizer = train_tokenizer([["some", "words"]], 300)
    made = list(bench.batches(ShardReader(index), LayoutLMv3Encoder(tokenizer=tokenizer, image_size=SIZE), 4))
    assert {key for batch in made for key in batch.keys} == keys and [len(batch.keys) for batch in made] == [4, 4, 1]


def test_the_plain_path_takes_the_last_short_batch(sets: BenchSets, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = train_tokenizer([["some", "words"]], 300)
    plain = bench.PlainPath(sets.sets[FULL], tokenizer, DataBenchSettings(batch=4, size=SIZE))
    sizes = []
    monkeypatch.setattr(plain, "encode", lambda words, boxes: sizes.append((len(words), len(boxes))))
    plain.run()
    assert sizes == [(4, 4), (4, 4), (1, 1)]


def test_token_ids_that_differ_stop_it(sets: BenchSets, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DataBenchSettings(size=SIZE, repeats=1)
    assert bench._contestants(sets, settings)[1] == {
        "with and without the word cache": PAGES,
        "docexp and transformers": PAGES,
    }
    monkeypatch.setattr(bench.Uncached, "encode_word", lambda self, word: (7,))
    with pytest.raises(DocexpError, match="token ids with the word cache are not those without it"):
        bench._contestants(sets, settings)


def test_pages_are_repeated_without_being_copied(sets: BenchSets, tmp_path: Path) -> None:
    index = repeated(sets.sets[JPEG], tmp_path / "again", 100)
    assert len(index) == 100 and not list(index.folder.glob("*.tar"))
    reader, first = ShardReader(index), ShardReader(sets.sets[JPEG])
    times = np.unique([reader.read(row).id for row in range(100)], return_counts=True)[1]
    assert len(times) == PAGES and set(times) == {11, 12}
    assert {reader.read(row).id for row in range(100)} == {first.read(row).id for row in range(PAGES)}
    assert sorted(row for rows in bench.shuffled(index, 16) for row in rows) == list(range(100))


def test_growth_compares_the_second_quarter_with_the_last() -> None:
    assert growth([(n, 100 + n) for n in range(8)]) == (102, 106)
    assert growth([(0, 5), (1, 7)]) == (7, 7)


def test_the_verb_prints_tables_and_writes_them_down(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["data", f"pages={PAGES}", f"size={SIZE}", "batch=4", "repeats=2", "memory_samples=40", "out=result"]
    assert run(words, None) == 0
    text = (tmp_path / "result.md").read_text()
    assert capsys.readouterr().out == text
    assert f"docexp bench {' '.join(words)}" in text and f"{PAGES} built-in forms, batches of 4" in text
    found = json.loads((tmp_path / "result.json").read_text())["results"]
    assert [len(timing["seconds"]) for timing in found["path"].values()] == [2] * 7
    samples, held = zip(*found["memory"], strict=True)
    assert samples[0] == 0 and samples[-1] == 80 and list(samples) == sorted(samples)
    assert all(10 * 2**20 < size < 2**34 for size in held)
    assert (tmp_path / "result_memory.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["dat"], "Nearest: docexp bench data."),
        (["data", "pags=3"], "Nearest: pages"),
        (["data", "pages=0"], "pages=0 (command line) must be at least 1"),
        (["data", "model=layoutlmv3_base"], "model=layoutlmv3_base is nothing that docexp bench data takes"),
        (["data", "out=nowhere/x"], "there is no folder nowhere"),
    ],
)
def test_wrong_words(words: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocexpError) as refused:
        run(words, None)
    assert part in str(refused.value)


def test_the_verb_names_its_arguments_as_the_settings_do() -> None:
    assert list(COMMANDS["data"][0]) == [field.name for field in dataclasses.fields(DataBenchSettings)]
