"""Relative-position biases: which bucket, which gradient, which start."""

import pytest
import torch
from transformers import LayoutLMv3Config
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder

from docexp.models.layoutlmv3.modeling import RelativeEncoder
from docexp.models.layoutlmv3.relative_bias import LOCAL_DECAY, local_table, relative_bias

torch.set_num_threads(1)


def encoder(kind: type = RelativeEncoder) -> LayoutLMv3Encoder:
    torch.manual_seed(0)
    return kind(LayoutLMv3Config(hidden_size=48, num_attention_heads=4, num_hidden_layers=1, intermediate_size=8))


def test_every_distance_has_the_stock_bucket() -> None:
    ours, stock = encoder(), encoder(LayoutLMv3Encoder)
    positions = torch.arange(1024)[None]  # all distances from -1023 to 1023, boxes being 0..1000
    bbox = torch.stack([positions, positions * 0, positions * 0, positions.flip(1)], dim=-1)
    assert torch.equal(ours._cal_1d_pos_emb(positions), stock._cal_1d_pos_emb(positions))
    assert torch.equal(ours._cal_2d_pos_emb(bbox), stock._cal_2d_pos_emb(bbox))


def test_the_gradient_of_a_table_is_the_sum_over_pairs() -> None:
    draw = torch.Generator().manual_seed(0)
    positions = torch.randint(0, 9, (3, 7), generator=draw)
    table = torch.randn(2, 4, generator=draw, dtype=torch.float64, requires_grad=True)
    buckets = torch.tensor([2, 1, 0, 3, 1])  # of the distances -2..2; those beyond share the outer ones
    bias = relative_bias(table, positions, buckets)
    weight = torch.randn(bias.shape, generator=draw, dtype=torch.float64)
    (bias * weight).sum().backward()
    expected = torch.zeros_like(table)
    for row in range(3):
        for query in range(7):
            for key in range(7):
                distance = int((positions[row, key] - positions[row, query]).clamp(-2, 2))
                bucket = int(buckets[distance + 2])
                assert torch.equal(bias[row, :, query, key], table[:, bucket])
                expected[:, bucket] += weight[row, :, query, key]
    torch.testing.assert_close(table.grad, expected)


def test_equal_runs_have_equal_gradients_whatever_the_threads() -> None:
    draw = torch.Generator().manual_seed(0)
    positions = torch.randint(0, 1000, (4, 300), generator=draw)
    table = torch.randn(4, 64, generator=draw, requires_grad=True)
    grown = torch.randn(4, 4, 300, 300, generator=draw)
    buckets = encoder().buckets(table, 256)
    torch.set_num_threads(2)
    try:
        found = [torch.autograd.grad(relative_bias(table, positions, buckets), table, grown)[0] for _ in range(5)]
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(gradient, found[0]) for gradient in found)


def test_a_local_table_falls_with_distance_and_differs_by_head() -> None:
    stock = encoder()
    buckets = stock.buckets(stock.rel_pos_x_bias.weight, 256)
    table = local_table(buckets, bins=64, heads=4, head_size=12)
    bias = relative_bias(table, torch.arange(0, 1000, 5)[None], buckets)[0]
    first = bias[:, 0] / 12**0.5  # as the model divides it
    assert (first[:-1].diff() <= 0).all() and torch.equal(bias, bias.transpose(1, 2))
    assert first[:, 0].eq(0).all() and first[-1].eq(0).all()
    falls = first[:, -1] / first[0, -1]
    torch.testing.assert_close(falls, torch.tensor([1, 2 / 3, 1 / 3, 0]))
    assert 0.8 * LOCAL_DECAY < -first[0, -1] <= LOCAL_DECAY  # a bucket counts as far as its nearest distance


@pytest.mark.parametrize("init", ["normal", "local"])
def test_only_the_tables_of_the_page_start_locally(small, init: str) -> None:
    torch.manual_seed(0)
    stock = small().build(120, 1).state_dict()
    torch.manual_seed(0)
    ours = small(rel_pos_init=init).build(120, 1).state_dict()
    changed = {name for name in ours if not torch.equal(ours[name], stock[name])}
    tables = {f"layoutlmv3.encoder.rel_pos_{axis}_bias.weight" for axis in "xy"}
    assert changed == (tables if init == "local" else set())
