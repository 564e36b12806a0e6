"""Scaled dot-product attention whose scores carry a bias: one call on every device, with every gradient exact.

torch's fused kernel is used wherever it can be. On a CPU it knows no dropout and no gradient of the bias (torch then
falls back to keeping several ``[B, H, L, L]`` tensors), and its backward is slow in bfloat16. For these, attention is
computed in tiles that stay in the core's cache, and again in the backward pass, so that nothing of the scores' size is
kept. ``docexp bench step`` measures it against transformers' eager attention.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 2**19
"""Scores of a tile: 2 MB in fp32, about what a core's cache holds. A tile has whole heads, one at the least."""

DRAWS = 2**16
"""Dropout's share is met to one part in this many: 16 random bits decide over each weight."""


def biased_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float = 0.0) -> Tensor:
    """``softmax(query · keyᵀ / √D + bias) · value``, ``[B, H, L, D]``.

    ``B`` rows, ``H`` heads, ``L`` positions, ``D`` the width of a head. Gradients reach everything that asks for one.

    Args:
        query: ``[B, H, L, D]``.
        key: ``[B, H, L, D]``.
        value: ``[B, H, L, D]``, or of another width, which is then the output's.
        bias: added to the scores after the division: ``[B, H, L, L]``, padding included as large negative numbers; or
            ``[B, 1, 1, L]`` for padding alone; or None. On a CPU it may be fp32 beside bfloat16 vectors: the scores are
            then fp32 throughout.
        dropout: share of the attention weights that are set to 0, while the others grow by ``1 / (1 - dropout)``.
            Drawn from torch's default generator, so that checkpointed activations draw the same again.
    """
    if bias is None or bias.shape[1] == 1 or not _needs_tiles(query, bias, dropout):
        return _fused(query, key, value, bias, dropout)
    seed = int(torch.randint(2**62, ())) if dropout else 0
    return cast(Tensor, _TiledAttention.apply(query, key, value, bias, (dropout, seed)))


def _needs_tiles(query: Tensor, bias: Tensor, dropout: float) -> bool:
    """Whether torch's kernel for this device falls back, or is slow."""
    if query.device.type != "cpu":
        return False
    backward = torch.is_grad_enabled() and (query.requires_grad or bias.requires_grad)
    return dropout > 0 or (backward and (bias.requires_grad or query.dtype == torch.bfloat16))


def _fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float = 0.0) -> Tensor:
    """torch's kernel. On a CPU autocast would round the bias to the vectors' type first."""
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)


class _TiledAttention(torch.autograd.Function):
    """Keeps its inputs and its output for the backward pass, nothing else."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, drop: tuple[float, int]
    ) -> Tensor:
        if query.dtype == torch.bfloat16 and not drop[0]:  # twice as fast as tiles; in fp32 no faster
            context = _fused(query, key, value, bias.detach())
        else:
            context = _in_tiles(query, key, value, bias, drop)
        # [B, L, H, D] in memory, so that the layer after this one keeps the very tensor that is kept here
        output = context.transpose(1, 2).contiguous().transpose(1, 2)
        ctx.save_for_backward(query, key, value, bias, output)
        ctx.dropout, ctx.seed = drop
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        query, key, value, bias, output = ctx.saved_tensors
        queries, keys, values, biases = (tensor.flatten(0, 1) for tensor in (query, key, value, bias))
        gradients = gradient.flatten(0, 1)
        # the softmax's own sum over keys, of weight × gradient of the weight, dropped or not: the output tells it
        sums = (gradient.to(bias.dtype) * output).sum(dim=-1, keepdim=True).flatten(0, 1)
        of_query, of_key, of_value = (torch.empty_like(tensor) for tensor in (queries, keys, values))
        of_bias = torch.empty_like(biases, memory_format=torch.contiguous_format) if ctx.needs_input_grad[3] else None
        for heads, keep in _tiles(biases, ctx.dropout, ctx.seed):
            weights = _weights(queries[heads], keys[heads], biases[heads])
            kept = _kept(weights, keep, ctx.dropout).to(value.dtype)
            torch.bmm(kept.transpose(1, 2), gradients[heads], out=of_value[heads])
            of_weights = _kept(torch.bmm(gradients[heads], values[heads].transpose(1, 2)), keep, ctx.dropout)
            of_scores = torch.empty_like(weights) if of_bias is None else of_bias[heads]
            torch.sub(of_weights, sums[heads], out=of_scores).mul_(weights)
            narrow = of_scores.to(query.dtype)
            torch.bmm(narrow, keys[heads], out=of_query[heads])
            torch.bmm(narrow.transpose(1, 2), queries[heads], out=of_key[heads])
        for of_vectors in (of_query, of_key):
            of_vectors.mul_(query.shape[-1] ** -0.5)
        whole = None if of_bias is None else of_bias.view_as(bias)
        return of_query.view_as(query), of_key.view_as(key), of_value.view_as(value), whole, None


def _in_tiles(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, drop: tuple[float, int]) -> Tensor:
    """The values of attention, ``[B, H, L, D]``."""
    queries, keys, values, biases = (tensor.flatten(0, 1) for tensor in (query, key, value, bias))
    context = torch.empty_like(values)
    with torch.autocast("cpu", enabled=False):  # every product here has the width it is meant to have
        for heads, keep in _tiles(biases, *drop):
            weights = _kept(_weights(queries[heads], keys[heads], biases[heads]), keep, drop[0])
            torch.bmm(weights.to(value.dtype), values[heads], out=context[heads])
    return context.view_as(value)


def _tiles(biases: Tensor, dropout: float, seed: int) -> Iterator[tuple[slice, Tensor | None]]:
    """The heads of every tile, and which of its weights dropout keeps: the same for the same seed."""
    heads, length, _ = biases.shape
    size = max(TILE // length**2, 1)
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, heads, size):
        tile = slice(start, min(start + size, heads))
        yield tile, _drawn((tile.stop - tile.start, length, length), dropout, generator) if dropout else None


def _weights(query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
    """Attention weights of a tile before dropout, in the bias's type."""
    scores = torch.bmm(query, key.transpose(1, 2))
    return torch.softmax(torch.add(bias, scores, alpha=query.shape[-1] ** -0.5), dim=-1)


def _kept(values: Tensor, keep: Tensor | None, dropout: float) -> Tensor:
    return values if keep is None else torch.mul(values, keep).mul_(1 / (1 - _share(dropout)))


def _drawn(shape: tuple[int, int, int], dropout: float, generator: torch.Generator) -> Tensor:
    """False with probability ``_share(dropout)``. Four weights share a draw of 64 bits: single draws would cost more
    time than the attention itself."""
    count = shape[0] * shape[1] * shape[2]
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return (bits.view(torch.int16)[:count] >= round(_share(dropout) * DRAWS) - DRAWS // 2).view(shape)


def _share(dropout: float) -> float:
    """``dropout`` to the nearest part that 16 bits can draw; something is always kept."""
    return min(round(dropout * DRAWS), DRAWS - 1) / DRAWS


def score_type(hidden: Tensor) -> torch.dtype:
    """The type that a bias is made in: fp32 or wider on a CPU, elsewhere that of the vectors in attention.

    Args:
        hidden: the vectors that attention's products are made from.
    """
    if hidden.device.type == "cpu":
        return torch.promote_types(hidden.dtype, torch.float32)
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
