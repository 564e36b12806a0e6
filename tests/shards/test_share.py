"""The share of a corpus that is trained on: nested, by whole documents, and gone through as the whole would be."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.inputs.visit import RowDraw
from docexp.shards import share as module
from docexp.shards.corpora import Corpora
from docexp.shards.share import SharedRows


@pytest.fixture
def index(make_set):
    return make_set()


@pytest.mark.parametrize("piece", [3, 2**18])
def test_smaller_shares_lie_within_greater_ones_and_no_document_is_divided(index, piece, monkeypatch):
    monkeypatch.setattr(module, "PIECE", piece)
    rows = index.split("train+minival")
    documents = index.table["document"]
    before: set[int] = set()
    for share in np.linspace(0.01, 1, 34):
        shared = SharedRows.of(index, rows, float(share))
        found = list(shared)
        assert found == sorted(found) and len(found) == len(shared) and before <= set(found) <= set(rows)
        kept = {int(documents[row]) for row in found}
        assert {row for row in rows if int(documents[row]) in kept} == set(found)
        assert len(kept) == int(np.ceil(share * len(set(documents[rows.start : rows.stop].tolist()))))
        before = set(found)
    assert before == set(rows)


def test_what_is_held_out_takes_nothing_from_a_share(index):
    part, whole = index.split("train"), index.split("train+minival")
    assert len(part) < len(whole)
    kept = set(SharedRows.of(index, whole, 0.5))
    assert kept <= set(part)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.05, 1), st.integers(0, 9), st.integers(1, 12), st.integers(1, 4), st.integers(0, 2))
def test_every_page_of_a_share_comes_exactly_once_an_epoch(index, share, seed, global_batch, block, epoch):
    order = Corpora.single(index).order(lambda own: "train", seed, global_batch, block, share=share)
    order = pickle.loads(pickle.dumps(order))
    drawn = np.concatenate([order.draws(epoch, k).rows for k in range(order.batches_per_epoch)])
    expected = list(SharedRows.of(index, index.split("train"), share))
    assert sorted(drawn.tolist()) == expected
    assert (
        order.drawn(order.batches_per_epoch) == [order.batches_per_epoch * global_batch] or len(expected) % global_batch
    )


def test_in_a_mixture_of_each_corpus(index, make_set, pages):
    other = make_set("other", pages[:30])
    corpora = Corpora("both", ("a", "b"), (index, other), (1.0, 1.0))
    order = corpora.order(lambda own: "train", 3, 8, 2, share=0.4)
    drawn = {int(row) for k in range(40) for row in order.draws(*order.position(k)).rows}
    expected = {
        first + row
        for first, own in zip(corpora.firsts, corpora.indices, strict=True)
        for row in SharedRows.of(own, own.split("train"), 0.4)
    }
    assert drawn == expected


def test_partners_are_of_the_share_alone(index):
    shared = SharedRows.of(index, index.split("train"), 0.3)
    draw, rng = RowDraw((range(4), shared), (0, 100)), np.random.default_rng(0)
    assert {draw(rng) for _ in range(2000)} == {*range(4), *(100 + row for row in shared)}


def test_the_whole_is_ordered_as_before(index):
    corpora = Corpora.single(index)
    plain, whole = (corpora.order(lambda own: "train", 1, 4, 2, **how) for how in ({}, {"share": 1.0}))
    assert whole.draws(0, 0).rows.tolist() == plain.draws(0, 0).rows.tolist() and whole.chosen is None
