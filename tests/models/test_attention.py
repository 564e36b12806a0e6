"""Attention with a bias against its definition: values, every gradient, dropout's law, and what is kept."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from docexp.models import attention
from docexp.models.attention import biased_attention

torch.set_num_threads(1)

MASKED = torch.finfo(torch.float32).min
SHAPES = [(2, 3, 17, 4), (1, 1, 1, 8), (3, 4, 40, 16), (1, 5, 64, 2)]


def definition(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias
    return torch.softmax(scores, dim=-1) @ value


def inputs(shape: tuple[int, int, int, int], dtype: torch.dtype, padded: bool, seed: int = 0) -> list[Tensor]:
    """Query, key, value as a model makes them (views of ``[B, L, H, D]``), and a bias in rows of a padded stride."""
    rows, heads, length, width = shape
    draw = torch.Generator().manual_seed(seed)
    vectors = [torch.randn(rows, length, heads, width, generator=draw, dtype=torch.float64) for _ in range(3)]
    room = torch.randn(rows, heads, length, -(-length // 8) * 8, generator=draw, dtype=torch.float64)
    bias = 2 * room[..., :length]
    if padded:
        for row in range(rows):  # rows of different lengths, one key at the least
            bias[row, :, :, max(length - 3 * row - 2, 1) :] += MASKED
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    return [*(vector.to(dtype).transpose(1, 2) for vector in vectors), bias.to(wide)]


def leaves(tensors: list[Tensor], trained: bool) -> list[Tensor]:
    return [t.detach().requires_grad_(trained or t is not tensors[3]) for t in tensors]


@pytest.mark.parametrize("tile", [1, 2**19], ids=["a head at a time", "all heads at once"])
@pytest.mark.parametrize("trained", [False, True], ids=["frozen", "trained"])
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_values_and_gradients_are_those_of_the_definition(
    monkeypatch: pytest.MonkeyPatch,
    dtype: torch.dtype,
    shape: tuple[int, int, int, int],
    padded: bool,
    trained: bool,
    tile: int,
) -> None:
    monkeypatch.setattr(attention, "TILE", tile)
    given = inputs(shape, dtype, padded)
    ours, truth = leaves(given, trained), leaves([t.double() for t in given], trained)
    output, expected = biased_attention(*ours), definition(*truth)
    assert output.dtype == dtype and output.shape == shape
    assert output.transpose(1, 2).is_contiguous()  # so that the next layer reads it without a copy
    grown = torch.randn(shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    output.backward(grown.to(dtype))
    expected.backward(grown)
    tolerance = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 4e-2}[dtype]
    pairs = {"output": (output, expected)}
    pairs |= {name: (mine.grad, true.grad) for name, mine, true in zip("qkvb", ours, truth, strict=True)}
    for name, (mine, true) in pairs.items():
        if name == "b" and not trained:
            assert mine is None
            continue
        scale = float(true.detach().abs().max()) or 1.0
        torch.testing.assert_close(
            mine.double(), true, rtol=0, atol=tolerance * scale, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_padding_without_other_biases_and_nothing_at_all() -> None:
    query, key, value, _ = inputs((2, 3, 17, 4), torch.float64, False)
    padding = torch.zeros(2, 1, 1, 17, dtype=torch.float64)
    padding[1, ..., 9:] = MASKED
    torch.testing.assert_close(biased_attention(query, key, value, padding), definition(query, key, value, padding))
    torch.testing.assert_close(biased_attention(query, key, value, None), definition(query, key, value, padding[:1]))


def tiled(seed: int, dropout: float) -> Callable[..., Tensor]:
    return lambda *tensors: attention._TiledAttention.apply(*tensors, (dropout, seed))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_are_the_slopes_of_the_values_with_dropout_too(dropout: float, monkeypatch) -> None:
    monkeypatch.setattr(attention, "TILE", 60)  # two heads of five positions: several tiles, the last one smaller
    given = leaves(inputs((1, 3, 5, 3), torch.float64, False), trained=True)
    assert torch.autograd.gradcheck(tiled(3, dropout), given)


def test_dropout_sets_its_share_of_the_weights_to_zero_and_keeps_the_mean() -> None:
    """With the identity as values the output is the weights themselves."""
    length, dropout = 64, 0.1
    query, key, _, bias = inputs((2, 3, length, 16), torch.float64, False)
    value = torch.eye(length, dtype=torch.float64).expand(2, 3, -1, -1)
    weights = biased_attention(query, key, value, bias)
    torch.manual_seed(0)
    drawn = torch.stack([biased_attention(query, key, value, bias, dropout) for _ in range(200)])
    share = attention._share(dropout)
    assert abs(share - dropout) < 1e-5
    dropped = drawn == 0
    kept = torch.where(dropped, 0.0, weights / (1 - share))
    torch.testing.assert_close(drawn, kept)  # a weight is either 0 or grown by 1 / (1 - dropout)
    # 4.9 million draws: the share within five standard deviations, and no place, row or draw special
    count = dropped.numel()
    assert abs(dropped.double().mean() - share) < 5 * (share * (1 - share) / count) ** 0.5
    by_place = dropped.double().mean(dim=0).flatten()  # 24,576 places, 200 draws each
    assert abs(by_place.std() - (share * (1 - share) / 200) ** 0.5) < 0.0005
    neighbours = dropped[..., :-1] & dropped[..., 1:]
    assert abs(neighbours.double().mean() - share**2) < 5 * share / count**0.5
    assert not torch.equal(drawn[0], drawn[1])


def test_dropout_comes_from_the_default_generator() -> None:
    given = inputs((2, 3, 17, 4), torch.float32, False)
    torch.manual_seed(4)
    first, second = biased_attention(*given, 0.5), biased_attention(*given, 0.5)
    torch.manual_seed(4)
    assert torch.equal(biased_attention(*given, 0.5), first)
    assert not torch.equal(first, second)
    torch.manual_seed(4)
    biased_attention(*given)
    assert torch.equal(biased_attention(*given, 0.5), first)  # without dropout nothing is drawn


@pytest.mark.parametrize(("trained", "dropout"), [(True, 0.0), (True, 0.1), (False, 0.0), (False, 0.1)])
def test_nothing_of_the_scores_size_is_kept(trained: bool, dropout: float) -> None:
    given = leaves(inputs((1, 2, 128, 4), torch.float32, False), trained=trained)
    kept: dict[int, int] = {}
    note = lambda t: kept.update({t.untyped_storage().data_ptr(): t.numel()}) or t  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        biased_attention(*given, dropout)
    bias, vectors, sums = 2 * 128 * 128, 4 * 2 * 128 * 4, 2 * 128
    ours = trained or dropout > 0  # torch's own kernel keeps the logarithms of the softmax's sums as well
    assert sum(kept.values()) == bias + vectors + (0 if ours else sums)  # the bias, which all layers share


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("predicting", [False, True], ids=["training", "predicting"])
def test_autocast_does_not_round_the_bias(predicting: bool, dropout: float) -> None:
    given = leaves(inputs((2, 3, 40, 16), torch.bfloat16, False), trained=True)
    outputs = []
    for mixed in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed), torch.set_grad_enabled(not predicting):
            outputs.append(biased_attention(*given, dropout))
    assert torch.equal(*outputs)


@pytest.mark.parametrize(
    ("dtype", "trained", "predicting", "dropout", "tiles"),
    [
        (torch.float32, False, False, 0.0, False),
        (torch.float32, True, False, 0.0, True),  # torch would fall back to one that keeps the scores
        (torch.float32, False, False, 0.1, True),
        (torch.bfloat16, False, False, 0.0, True),  # its backward pass is slow
        (torch.float32, True, True, 0.0, False),
        (torch.bfloat16, True, True, 0.0, False),
    ],
)
def test_on_a_cpu_torchs_kernel_computes_what_it_can(
    dtype: torch.dtype, trained: bool, predicting: bool, dropout: float, tiles: bool
) -> None:
    query, _, _, bias = leaves(inputs((1, 2, 8, 4), dtype, False), trained)
    with torch.set_grad_enabled(not predicting):
        assert attention._needs_tiles(query, bias, dropout) == tiles
