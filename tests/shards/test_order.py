"""The order: every sample once an epoch, the same whoever asks and when."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.shards import order as module
from docexp.shards.order import Order, evaluation_slots, sample_rng, slots


@st.composite
def orders(draw) -> Order:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=20))
    first = draw(st.integers(0, 50))
    starts = first + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return Order(
        range(first, first + sum(sizes)),
        starts,
        draw(st.integers(0, 2**64 - 1)),
        draw(st.integers(1, 70)),
        draw(st.integers(1, 6)),
    )


@given(orders(), st.integers(0, 3))
def test_every_sample_comes_exactly_once_an_epoch(order, epoch):
    batches = [order.batch(epoch, k) for k in range(order.batches_per_epoch)]
    assert sorted(np.concatenate(batches).tolist()) == list(order.rows)
    assert all(len(batch) == order.global_batch for batch in batches[:-1])
    assert 0 < len(batches[-1]) <= order.global_batch
    for wrong in (-1, order.batches_per_epoch):
        with pytest.raises(IndexError):
            order.batch(epoch, wrong)


@given(orders(), st.integers(0, 2))
def test_shuffling_stays_inside_blocks_of_shards(order, epoch):
    sequence = np.concatenate([order.batch(epoch, k) for k in range(order.batches_per_epoch)])
    block = np.searchsorted(order.shard_starts[:: order.block_shards], sequence, side="right")
    assert (np.diff(block) != 0).sum() == len(set(block.tolist())) - 1


@given(orders(), st.integers(0, 200))
def test_steps_and_positions_are_inverse(order, step):
    epoch, k = order.position(step)
    assert order.step(epoch, k) == step and 0 <= k < order.batches_per_epoch


@given(orders(), st.integers(1, 5), st.integers(1, 5))
def test_any_arrangement_of_ranks_and_micro_batches_sees_the_same_batch(order, ranks, micro_batches):
    size = -(-order.global_batch // (ranks * micro_batches))
    for k in range(order.batches_per_epoch):
        rows = order.batch(0, k)
        dealt = slots(rows, ranks, micro_batches, size)
        assert [[len(slot) for slot in rank] for rank in dealt] == [[size] * micro_batches] * ranks
        flat = [slot for rank in dealt for micro in rank for slot in micro]
        assert sorted(slot.number for slot in flat if not slot.filler) == sorted(rows.tolist())
        assert all(slot.number == rows[0] for slot in flat if slot.filler)


def test_samples_are_dealt_in_turn_and_empty_slots_come_last():
    assert slots([5, 6, 7], 2, 2, 1) == [[[(5, False)], [(7, False)]], [[(6, False)], [(5, True)]]]
    with pytest.raises(ValueError, match="5 samples for 4 slots"):
        slots([1, 2, 3, 4, 5], 2, 2, 1)


@given(st.integers(0, 60), st.integers(1, 5), st.integers(1, 7))
def test_evaluation_deals_every_sample_once_in_as_many_batches_on_each_rank(count, ranks, size):
    dealt = evaluation_slots(range(100, 100 + count), ranks, size)
    assert len(dealt) == ranks and len({len(rank) for rank in dealt}) == 1
    assert all(len(batch) == size for rank in dealt for batch in rank)
    flat = [slot for rank in dealt for batch in rank for slot in batch]
    assert sorted(slot.number for slot in flat if not slot.filler) == list(range(100, 100 + count))
    assert len(flat) - count < ranks * size


def test_epochs_and_seeds_differ_and_blocks_do_not_repeat_one_another():
    order = Order(range(4000), np.arange(0, 4000, 500), 3, 4000, 1)
    first, second = order.batch(0, 0), order.batch(1, 0)
    other = Order(range(4000), np.arange(0, 4000, 500), 4, 4000, 1).batch(0, 0)
    wide = Order(range(4000), np.arange(0, 4000, 500), 3 + 2**32, 4000, 1).batch(0, 0)
    inside = {tuple(first[i : i + 500] % 500) for i in range(0, 4000, 500)}
    assert len(inside) == 8
    for one, two in ((first, second), (first, other), (first, wide)):
        assert (one == two).mean() < 0.01
        assert (one[::500] // 500 != two[::500] // 500).any()
    assert abs(np.corrcoef(np.arange(500), first[:500])[0, 1]) < 0.2


def test_the_order_is_frozen():
    """A change here lets no interrupted run go on as it began."""
    order = Order(range(20), [0, 7, 13], 1, 8, 1)
    assert [order.batch(2, k).tolist() for k in range(3)] == [
        [6, 3, 2, 4, 5, 0, 1, 10],
        [7, 11, 12, 9, 8, 13, 19, 16],
        [17, 14, 15, 18],
    ]
    assert sample_rng(1, 2, 3).bit_generator.random_raw(2).tolist() == [0xB56A2D515A0DCA90, 0x4A74DD38D8F19404]


def test_another_process_gives_the_same_order():
    order = Order(range(1000), [0, 300, 650], 7, 64, 2)
    code = (
        "from docexp.shards.order import Order\n"
        "print(Order(range(1000), [0, 300, 650], 7, 64, 2).batch(5, 9).tolist())\n"
        "import sys; assert not {'torch', 'webdataset'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(order.batch(5, 9).tolist())
    assert (pickle.loads(pickle.dumps(order)).batch(5, 9) == order.batch(5, 9)).all()


def test_a_sample_s_randomness_depends_on_seed_epoch_and_sample_alone():
    values = {
        tuple(sample_rng(*place).integers(2**32, size=4).tolist())
        for place in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (2**32, 0, 0), (0, 0, 2**32), (0, 2, 1), (0, 1, 2)]
    }
    assert len(values) == 8
    assert sample_rng(1, 2, 3).random() == sample_rng(1, 2, 3).random()


def test_a_huge_block_is_cut(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 100)
    sizes = []
    real = module._permutation
    monkeypatch.setattr(module, "_permutation", lambda *key: (sizes.append(key[-1]), real(*key))[1])
    order = Order(range(10, 1045), [10, 20], 0, 64, 1)
    batches = [order.batch(0, k).tolist() for k in range(order.batches_per_epoch)]
    assert sorted(row for batch in batches for row in batch) == list(range(10, 1045))
    assert max(sizes) <= 100


def test_consecutive_batches_draw_a_block_once(monkeypatch):
    drawn = []
    real = module._stream
    monkeypatch.setattr(module, "_stream", lambda *key: (drawn.append(key), real(*key))[1])
    module._permutation.cache_clear()
    order = Order(range(1000), [0, 500], 11, 10, 1)
    for k in range(order.batches_per_epoch):
        order.batch(0, k)
    assert len(drawn) == 3  # the order of the blocks, and each of two blocks


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rows": range(0)}, "no samples"),
        ({"seed": -1}, "seed must be"),
        ({"global_batch": 0}, "global_batch"),
        ({"block_shards": 0}, "block_shards"),
    ],
)
def test_settings_that_cannot_be_are_refused(values, said):
    with pytest.raises(DocexpError, match=said):
        Order(**({"rows": range(9), "shard_starts": [0], "seed": 0, "global_batch": 4} | values))


@pytest.mark.parametrize("starts", [[1], [0, 9], [0, 5, 5], [0, 5, 3]])
def test_shard_starts_that_do_not_fit_are_refused(starts):
    with pytest.raises(ValueError, match="shard_starts"):
        Order(range(9), starts, 0, 4, 1).batch(0, 0)
