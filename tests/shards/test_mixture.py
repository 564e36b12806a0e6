"""Mixtures: shares kept to the page, each corpus in epochs of its own, every batch a function of its number alone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.inputs.settings import MixtureSettings
from docexp.shards.corpora import Corpora
from docexp.shards.mixture import ROUND, MixedOrder, interleaved, round_counts
from docexp.shards.order import Stream

SIZES = (7, 40, 200)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_after_any_number_of_places_every_corpus_is_less_than_one_from_its_share(counts):
    places = interleaved(tuple(counts))
    for corpus, count in enumerate(counts):
        came = np.cumsum(places == corpus)
        assert came[-1] == count
        for place, times in enumerate(came.tolist(), start=1):
            assert abs(Fraction(place * count, sum(counts)) - times) < 1


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8))
def test_a_round_has_every_share_to_the_page(weights):
    counts = round_counts(weights, list(map(str, range(len(weights)))))
    assert sum(counts) == ROUND
    assert all(abs(c - ROUND * w / sum(weights)) < 1.001 for c, w in zip(counts, weights, strict=True))


def test_a_share_below_a_page_is_refused():
    with pytest.raises(DocexpError, match="corpus small has a share below one page in 65,536"):
        round_counts([1e-9, 1.0], ["small", "large"])


def mixed(weights=(1.0, 2.0, 5.0), seed=3, global_batch=16) -> MixedOrder:
    firsts = np.cumsum([0, *SIZES])
    streams = tuple(
        Stream(range(size), range(0, size, 5), seed, 2, int(first), salt + 1)
        for salt, (size, first) in enumerate(zip(SIZES, firsts, strict=False))
    )
    return MixedOrder(streams, round_counts(weights, ["a", "b", "c"]), seed, global_batch)


def corpus_of(rows: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(SIZES), rows, side="right")


def test_each_corpus_is_gone_through_whole_before_anything_of_it_comes_again():
    order, steps = mixed(), 60
    drawn = [order.draws(*order.position(step)) for step in range(steps)]
    assert all(len(rows) == len(epochs) == 16 for rows, epochs in drawn)
    rows, epochs = (np.concatenate(part) for part in zip(*drawn, strict=True))
    assert order.drawn(steps) == np.bincount(corpus_of(rows)).tolist() == [120, 240, 600]
    for corpus, (first, size) in enumerate(zip(np.cumsum([0, *SIZES]), SIZES, strict=False)):
        own, of_epoch = rows[corpus_of(rows) == corpus], epochs[corpus_of(rows) == corpus]
        orders = []
        for epoch in range(int(of_epoch.max()) + 1):
            seen = own[of_epoch == epoch]
            assert len(set(seen.tolist())) == len(seen)
            if epoch < of_epoch.max():
                assert sorted(seen.tolist()) == list(range(first, first + size))
                orders.append(seen.tolist())
        assert len({tuple(seen) for seen in orders}) > len(orders) // 2  # of seven pages an order may come again


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    late = mixed().draws(*mixed().position(10**9))
    again = mixed()
    for step in (5, 10**9, 7):
        found = again.draws(*again.position(step))
    assert not np.array_equal(found.rows, late.rows)
    assert np.array_equal(again.draws(*again.position(10**9)).rows, late.rows)
    other = mixed(seed=4)
    assert not np.array_equal(other.draws(*other.position(10**9)).rows, late.rows)
    assert again.step(*again.position(10**9)) == 10**9
    counts = np.bincount(corpus_of(np.concatenate([again.draws(*again.position(10**9 + s)).rows for s in range(4)])))
    assert np.abs(counts - [8, 16, 40]).max() <= 1


def test_a_batch_has_each_corpus_by_its_share():
    order = mixed(weights=(1, 1, 2), global_batch=8)
    for step in range(200):
        assert np.bincount(corpus_of(order.draws(*order.position(step)).rows)).tolist() == [2, 2, 4]


def test_two_corpora_of_one_size_are_not_shuffled_alike():
    alike = (Stream(range(50), [0], 3, first=0, salt=1), Stream(range(50), [0], 3, first=50, salt=2))
    assert not np.array_equal(alike[0].part(0, 0, 50), alike[1].part(0, 0, 50) - 50)


def test_rows_and_checksum_of_several(make_set, pages, make_page):
    one = make_set("one")
    two = make_set("two", [("train", make_page(f"q{n}")) for n in range(4)])
    alone = Corpora.single(one)
    assert (alone.checksum, alone.rows(lambda index: "test")) == (one.checksum, one.split("test"))
    both = Corpora("both", ("one", "two"), (one, two), (1.0, 3.0))
    assert both.rows(lambda index: "test") == one.split("test")
    train = both.rows(lambda index: "train")
    assert train == [*one.split("train"), *(len(one) + row for row in two.split("train"))]
    reader = both.reader()
    assert reader.key(len(one)) == "two/" + two_key(two) and reader.read(len(one)).id == two_key(two)
    assert reader.shard_name(0).startswith("one/train-0000")
    reweighted = Corpora("both", ("one", "two"), (one, two), (2.0, 6.0))
    assert both.checksum == reweighted.checksum
    assert both.checksum != Corpora("both", ("one", "two"), (one, two), (1.0, 2.0)).checksum


def two_key(index) -> str:
    return Corpora.single(index).reader().key(0)


def test_weights_or_a_temperature():
    places = {"b": "shards/b", "a": "shards/a"}
    mixture = MixtureSettings(name="x", corpora=places, alpha=0.5)
    assert mixture.places() == {"a": "shards/a", "b": "shards/b"} and mixture.shares([100, 4]) == [10.0, 2.0]
    assert MixtureSettings(name="x", corpora=places, weights={"b": 3.0, "a": 1.0}).shares([100, 4]) == [1.0, 3.0]
    with pytest.raises(DocexpError, match="only one of them has b"):
        MixtureSettings(name="x", corpora=places, weights={"a": 1.0})
    with pytest.raises(DocexpError, match="must name two or more"):
        MixtureSettings(name="x", corpora={"a": "shards/a"})
    with pytest.raises(DocexpError, match="letters, digits"):
        MixtureSettings(name="x", corpora={"a/b": "x", "c": "y"})
