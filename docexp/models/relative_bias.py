"""Relative-position biases of the attention scores: looked up once for a batch, with the exact gradient of the tables.

Which bias a pair of positions gets depends on their distance alone, along one axis: reading order, across the page,
down the page. A table holds a weight for each head and bucket of distances; the bias of a pair is the sum over axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LOCAL_DECAY = 16.0
"""How much lower than near ones the steepest head starts to score what lies at the farthest distance (in nats)."""

ALIGNED = 8
"""The stride of a row of biases is a multiple of this: CUDA's kernel would otherwise copy them all in every layer."""

AT_ONCE = 2**19
"""Biases of a row that are looked up in one go, whole heads: 2 MB, about what a core's cache holds."""

ONE_HOT = 2**26
"""Elements of a one-hot matrix: 256 MB."""


@dataclass(frozen=True)
class Axis:
    """Distances along one axis.

    ``table``: a weight for each head and bucket, ``[H, bins]``. ``positions``: integers, ``[B, L]``, or ``[1, L]``
    where every row has the same. ``buckets``: the bucket of each distance (key minus query) from ``-m`` to ``m``,
    ``[2 * m + 1]``; what is farther away shares the bucket of ``-m`` or ``m``.

    ``segments``: integers, ``[B, L]``, or None. Positions of different segments lie as far apart as their order
    allows: ``-apart`` or ``apart``. A position of segment -1 is outside the text: its distance to all positions
    inside is 0, and to others outside what their positions say.
    """

    table: Tensor
    positions: Tensor
    buckets: Tensor
    segments: Tensor | None = None
    apart: int = 0


def relative_bias(
    axes: Sequence[Axis],
    *,
    rows: int | None = None,
    scale: float = 1.0,
    padding: Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """What is added to the score of every pair of positions, ``[B, H, L, L]``: queries first, then keys.

    Its last dimension has a stride of ``L`` rounded up to a multiple of 8, see ``ALIGNED``.

    Args:
        axes: one or more.
        rows: ``B``; unset: as many as the axes have.
        scale: what the sum over axes is multiplied by.
        padding: added on top, ``[B, L]`` over keys: 0 for a key that is there, a large negative number for padding.
        dtype: of the result; unset: the tables'.
    """
    tables, positions, buckets, segments, apart = zip(*(_parts(axis) for axis in axes), strict=True)
    how = (apart, rows or max(map(len, positions)), scale, padding, dtype or tables[0].dtype)
    return cast(Tensor, _LookUp.apply(how, *tables, *positions, *buckets, *segments))


def _parts(axis: Axis) -> tuple[Tensor, Tensor, Tensor, Tensor | None, int]:
    positions = axis.positions
    if axis.segments is not None:  # every row has distances of its own
        positions = positions.expand(len(axis.segments), -1)
    return axis.table, positions, axis.buckets, axis.segments, axis.apart


class _LookUp(torch.autograd.Function):
    """Keeps positions for the backward pass, never a bucket of every pair."""

    @staticmethod
    def forward(
        ctx: Any, how: tuple[tuple[int, ...], int, float, Tensor | None, torch.dtype], *tensors: Tensor | None
    ) -> Tensor:
        apart, rows, scale, padding, dtype = how
        ctx.save_for_backward(*tensors)
        ctx.apart, ctx.scale = apart, scale
        axes = _axes(tensors, apart)
        tables = [axis.table * scale for axis in axes]
        heads, length = len(tables[0]), axes[0].positions.shape[-1]
        width = -(-length // ALIGNED) * ALIGNED
        bias = torch.empty(rows, heads, length, width, dtype=dtype, device=tables[0].device)[..., :length]
        step = max(AT_ONCE // length**2, 1)
        for row in range(rows):
            pairs = [_pairs(axis, row) for axis in axes]
            for start in range(0, heads, step):
                some = slice(start, start + step)
                # far faster than table[:, pairs], and than gathering
                parts = [t[some].index_select(1, p.flatten()) for t, p in zip(tables, pairs, strict=True)]
                total = parts[0].view(-1, length, length)
                for part in parts[1:]:
                    total += part.view_as(total)
                bias[row, some] = total if padding is None else total.add_(padding[row])
        return bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        axes, count = _axes(ctx.saved_tensors, ctx.apart), len(ctx.apart)
        needed = ctx.needs_input_grad[1 : 1 + count]
        found = [
            _of_table(axis, gradient) * ctx.scale if need else None for axis, need in zip(axes, needed, strict=True)
        ]
        return None, *found, *([None] * (3 * count))


def _axes(tensors: Sequence[Tensor | None], apart: Sequence[int]) -> list[Axis]:
    count = len(apart)
    kinds = (tensors[i * count : (i + 1) * count] for i in range(4))
    return [Axis(*cast(Any, parts)) for parts in zip(*kinds, apart, strict=True)]


def _pairs(axis: Axis, row: int) -> Tensor:
    """The bucket of every pair of a row, ``[L, L]``."""
    positions = axis.positions[row if len(axis.positions) > 1 else 0]
    farthest = axis.buckets.shape[0] // 2
    distance = positions.unsqueeze(-2) - positions.unsqueeze(-1)
    if axis.segments is not None:
        distance = _between_segments(distance, axis.segments[row], axis.apart)
    column = distance.clamp_(-farthest, farthest).add_(farthest)
    return axis.buckets.index_select(0, column.flatten()).view_as(column)


def _between_segments(distance: Tensor, segments: Tensor, apart: int) -> Tensor:
    """Distances ``[L, L]`` with those between segments set as ``Axis`` says."""
    outside = segments < 0
    other = segments.unsqueeze(-2) != segments.unsqueeze(-1)
    distance = torch.where(other, distance.sign() * apart, distance)
    return distance.masked_fill_(outside.unsqueeze(-2) != outside.unsqueeze(-1), 0)


def _of_table(axis: Axis, gradient: Tensor) -> Tensor:
    """The gradient of a table ``[H, bins]``: for each bucket, the sum over its pairs."""
    heads, bins = axis.table.shape
    if len(axis.positions) == 1:
        gradient = gradient.sum(dim=0, keepdim=True)
    total = torch.zeros(heads, bins, dtype=torch.float64 if gradient.is_cpu else torch.float32, device=gradient.device)
    for row, of_row in enumerate(gradient):
        total += bucket_sums(of_row.flatten(1), _pairs(axis, row).flatten(), bins)
    return total.to(axis.table.dtype)


def bucket_sums(values: Tensor, buckets: Tensor, bins: int) -> Tensor:
    """For each of ``bins`` buckets the sum of its values, ``[H, N] → [H, bins]``, in the same order every time.

    On a CPU the sums are float64, elsewhere float32.

    Args:
        values: ``[H, N]``.
        buckets: the bucket of every column, ``[N]``.
        bins: how many there are.
    """
    if values.is_cpu:
        return torch.stack([torch.bincount(buckets, weights=row.double(), minlength=bins) for row in values])
    return _matrix_bucket_sums(values, buckets, bins)


def _matrix_bucket_sums(values: Tensor, buckets: Tensor, bins: int) -> Tensor:
    """Products with one-hot matrices: on a GPU, adding to a few places from everywhere at once has no fixed order."""
    total = values.new_zeros(len(values), bins, dtype=torch.float32)
    step = max(ONE_HOT // bins, 1)
    for start in range(0, len(buckets), step):
        one_hot = buckets[start : start + step, None] == torch.arange(bins, device=buckets.device)
        total += values[:, start : start + step].float() @ one_hot.float()
    return total


def local_table(buckets: Tensor, bins: int, heads: int, head_size: int) -> Tensor:
    """A table ``[heads, bins]`` whose weights fall with distance: the first head's fastest, the last one's not at all.

    The fall is linear in the distance, as in ALiBi (Press et al. 2022, arXiv 2108.12409), with slopes that are evenly
    spaced over the heads. It is ``LOCAL_DECAY`` at the farthest distance after the model's division by
    ``sqrt(head_size)``.
    """
    farthest = buckets.shape[0] // 2
    distance = torch.arange(-farthest, farthest + 1, device=buckets.device).abs() / farthest
    nearest = torch.zeros(bins, device=buckets.device).scatter_reduce(0, buckets, distance, "amin", include_self=False)
    slopes = torch.linspace(1, 0, heads, device=buckets.device) * LOCAL_DECAY * head_size**0.5
    return -slopes.unsqueeze(1) * nearest
