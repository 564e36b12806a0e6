"""Relative-position biases: which bucket, which gradient, which start."""

import pytest
import torch
from transformers import LayoutLMv3Config
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder

from docexp.models import relative_bias as module
from docexp.models.layoutlmv3.modeling import RelativeEncoder
from docexp.models.relative_bias import LOCAL_DECAY, Axis, local_table, relative_bias

torch.set_num_threads(1)


def encoder(kind: type = RelativeEncoder) -> LayoutLMv3Encoder:
    torch.manual_seed(0)
    config = LayoutLMv3Config(hidden_size=48, num_attention_heads=4, num_hidden_layers=1, intermediate_size=8)
    return RelativeEncoder(config, fast=False) if kind is RelativeEncoder else kind(config)


def test_every_distance_has_the_stock_bucket() -> None:
    ours, stock = encoder(), encoder(LayoutLMv3Encoder)
    positions = torch.arange(1024)[None]  # all distances from -1023 to 1023, boxes being 0..1000
    bbox = torch.stack([positions, positions * 0, positions * 0, positions.flip(1)], dim=-1)
    assert torch.equal(ours._cal_1d_pos_emb(positions), stock._cal_1d_pos_emb(positions))
    assert torch.equal(ours._cal_2d_pos_emb(bbox), stock._cal_2d_pos_emb(bbox))


AXES_BUCKETS = torch.tensor([2, 1, 0, 3, 1])  # of the distances -2..2; those beyond share the outer ones


def axes(draw: torch.Generator) -> list[Axis]:
    """Two axes whose positions differ by row, and one that is the same in all three rows."""
    tables = [torch.randn(2, 4, generator=draw, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    positions = [torch.randint(0, 9, (rows, 7), generator=draw) for rows in (3, 3, 1)]
    return [Axis(*parts, AXES_BUCKETS) for parts in zip(tables, positions, strict=True)]


@pytest.mark.parametrize("at_once", [1, 2**19], ids=["a head at a time", "all heads at once"])
def test_a_bias_is_the_sum_over_axes_and_its_gradient_the_sum_over_pairs(monkeypatch, at_once: int) -> None:
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    draw = torch.Generator().manual_seed(0)
    given = axes(draw)
    padding = torch.zeros(3, 7, dtype=torch.float64)
    padding[1, 5:] = -1e9
    bias = relative_bias(given, scale=0.3, padding=padding)
    assert bias.shape == (3, 2, 7, 7) and bias.stride(2) == 8
    weight = torch.randn(bias.shape, generator=draw, dtype=torch.float64)
    (bias * weight).sum().backward()
    expected = [torch.zeros_like(axis.table) for axis in given]
    for row in range(3):
        for query in range(7):
            for key in range(7):
                total = padding[row, key].expand(2).clone()
                for axis, sums in zip(given, expected, strict=True):
                    own = axis.positions[row % len(axis.positions)]
                    bucket = int(axis.buckets[int((own[key] - own[query]).clamp(-2, 2)) + 2])
                    total += 0.3 * axis.table[:, bucket].detach()
                    sums[:, bucket] += 0.3 * weight[row, :, query, key]
                torch.testing.assert_close(bias[row, :, query, key].detach(), total)
    for axis, sums in zip(given, expected, strict=True):
        torch.testing.assert_close(axis.table.grad, sums)


def test_rows_may_share_their_positions() -> None:
    given = axes(torch.Generator().manual_seed(0))[2:]
    padding = torch.tensor([[0.0] * 7, [0.0] * 6 + [-1e9]], dtype=torch.float64)
    bias = relative_bias(given, rows=2, padding=padding)
    assert bias.shape == (2, 2, 7, 7)
    assert torch.equal(bias[0], relative_bias(given)[0]) and (bias[1, :, :, 6] < -1e8).all()
    bias.sum().backward()
    assert given[0].table.grad.sum() == 2 * 2 * 49


def test_frozen_tables_get_no_gradient() -> None:
    across, down, order = axes(torch.Generator().manual_seed(0))
    down.table.requires_grad_(False)
    relative_bias([across, down, order]).sum().backward()
    assert down.table.grad is None and across.table.grad.abs().sum() > 0
    across.table.requires_grad_(False), order.table.requires_grad_(False)
    assert not relative_bias([across, down, order]).requires_grad


def test_the_type_of_a_bias_is_asked_for_and_its_gradient_arrives_in_the_tables() -> None:
    given = [Axis(a.table.float().detach().requires_grad_(), a.positions, a.buckets) for a in axes(torch.Generator())]
    bias = relative_bias(given, dtype=torch.bfloat16)
    assert bias.dtype == torch.bfloat16
    bias.sum().backward()
    assert given[0].table.grad.dtype == torch.float32 and given[0].table.grad.sum() == 3 * 2 * 49


def test_products_with_one_hot_matrices_sum_alike(monkeypatch) -> None:
    """What other devices do instead of adding one by one."""
    draw = torch.Generator().manual_seed(0)
    values, buckets = torch.randn(3, 1000, generator=draw), torch.randint(0, 8, (1000,), generator=draw)
    monkeypatch.setattr(module, "ONE_HOT", 8 * 300)  # in four parts, the last one smaller
    found = module._matrix_bucket_sums(values, buckets, 8)
    truth = torch.stack([values.double()[:, buckets == bucket].sum(dim=1) for bucket in range(8)], dim=1)
    torch.testing.assert_close(found.double(), truth, rtol=0, atol=1e-4)
    torch.testing.assert_close(module.bucket_sums(values, buckets, 8), truth, rtol=0, atol=1e-10)


def test_equal_runs_have_equal_gradients_whatever_the_threads() -> None:
    draw = torch.Generator().manual_seed(0)
    positions = torch.randint(0, 1000, (4, 300), generator=draw)
    table = torch.randn(4, 64, generator=draw, requires_grad=True)
    grown = torch.randn(4, 4, 300, 300, generator=draw)
    buckets = encoder().buckets(table, 256)
    torch.set_num_threads(2)
    try:
        found = [
            torch.autograd.grad(relative_bias([Axis(table, positions, buckets)]), table, grown)[0] for _ in range(5)
        ]
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(gradient, found[0]) for gradient in found)


def test_a_local_table_falls_with_distance_and_differs_by_head() -> None:
    stock = encoder()
    buckets = stock.buckets(stock.rel_pos_x_bias.weight, 256)
    table = local_table(buckets, bins=64, heads=4, head_size=12)
    bias = relative_bias([Axis(table, torch.arange(0, 1000, 5)[None], buckets)])[0]
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
