"""What ``docexp data stats`` counts and reads: histograms, sizes, tokens, json, picture, refusals."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from docexp.errors import DocexpError
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.measure import measure
from docexp.shards.stats import WORD_STEPS, statistics
from docexp.verbs.data import run


@pytest.fixture
def index(make_set: Callable, make_page: Callable):
    counts = [0, 1, 25, 26, 50, 51, 100, 900, 2000, 3]
    pages = [
        make_page(f"p{n}", words=["word"] * count, number=n, width=4000 + n, height=100 * (n + 1), entities=None)
        for n, count in enumerate(counts)
    ]
    return make_set(given=[*(("train", page) for page in pages[:9]), ("test", pages[9])], shard_bytes=10**6)


def test_pages_are_counted_by_their_words(index) -> None:
    whole, *_, test = statistics(index)
    assert WORD_STEPS[:4] == (0, 1, 26, 51)
    assert whole.pages_by_words == (1, 2, 2, 2, 0, 0, 0, 1, 1) and test.pages_by_words[1] == 1


def test_sizes_and_tokens_are_those_of_the_pages_read(index) -> None:
    tokenizer, read = train_tokenizer([["word", "word"]], 300), []
    parts = {part.name: part for part in measure(index, 100, tokenizer.encode_word, read.append)}
    assert sum(part.rows for part in parts.values()) == sum(part.of for part in parts.values()) == sum(read) == 10
    train, minival = parts["train"], parts["minival"]
    each = len(tokenizer.encode_word("word"))
    tokens = np.concatenate([train.tokens, minival.tokens])
    assert sorted(tokens) == [each * n for n in (0, 1, 25, 26, 50, 51, 100, 900, 2000)]
    assert sorted(np.concatenate([train.heights, minival.heights])) == [100.0 * n for n in range(1, 10)]
    beyond = train.beyond_a_window * train.rows + minival.beyond_a_window * minival.rows
    assert round(beyond) == int((tokens > 510).sum()) > 0


def test_fewer_pages_are_read_evenly_spaced(index) -> None:
    whole = next(part for part in measure(index, 3, None, lambda _: None) if part.name == "train")
    assert (whole.rows, whole.tokens) == (3, None) and whole.of == len(index.splits["train"].rows)
    rows = index.splits["train"].rows
    assert {whole.widths[0], whole.widths[-1]} == {4000.0 + 1 * n for n in _numbers(index, (rows[0], rows[-1]))}


def _numbers(index, rows):
    from docexp.shards.read import ShardReader

    reader = ShardReader(index)
    return [reader.read(row).number for row in rows]


def test_the_verb_prints_json_and_draws(index, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stats", f"data.shards={index.folder}", f"plot={tmp_path / 'x.png'}", "tokenizer=data:270"]
    assert run([*words, "--json"], None) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "tiny" and found["splits"][0]["words"] == 3153
    assert found["read"][-1]["width"] == {"least": 4009.0, "median": 4009.0, "most": 4009.0}
    assert found["read"][-1]["tokens"]["least"] >= 3
    assert Image.open(tmp_path / "x.png").width > 800
    assert run(words, None) == 0
    text = capsys.readouterr().out
    for part in ("tokens on a page", "1,601 or more", "4009 · 4009 · 4009", f"drawn: {tmp_path / 'x.png'}"):
        assert part in text
    assert run(words[:2], None) == 0
    assert "tokens on a page" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["plot=x.gif"], "plot=x.gif must end in .png, .svg or .pdf"),
        (["plot=nowhere/x.png"], "there is no folder nowhere"),
        (["tokenizer=data:many"], "must be a folder, a hub id, or data:N"),
        (["tokenizer=data:²"], "must be a folder, a hub id, or data:N"),
        ([f"plot={'x' * 300}.png"], "cannot be written: File name too long. Choose another plot=FILE.png."),
        (["pages=few"], "pages=few must be a whole number, at least 1"),
    ],
)
def test_what_it_refuses(index, words: list[str], part: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocexpError) as refused:
        run(["stats", f"data.shards={index.folder}", *words], None)
    assert part in str(refused.value)
