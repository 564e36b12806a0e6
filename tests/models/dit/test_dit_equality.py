"""DiT against transformers' own classes: equal weights, equal outputs and gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import BeitForMaskedImageModeling, BeitModel

from docexp.inputs.batch import Batch
from docexp.models.dit.backbone import DiTBackbone

torch.set_num_threads(1)

TOLERANCE = {"float64": 1e-11, "fp32": 2e-5, "bf16-mixed": 0.05}
NORM = ("beit.layernorm.weight", "beit.layernorm.bias")


def config_of(backbone: DiTBackbone, **changes: Any) -> Any:
    return type(backbone.config)(**{**backbone.config.to_dict(), **changes})


def stock_of(backbone: DiTBackbone, token: Tensor, attention: str = "sdpa") -> BeitForMaskedImageModeling:
    """The published class with these weights and this mask token: its norm stands before its head."""
    stock = BeitForMaskedImageModeling(config_of(backbone, use_mean_pooling=True, use_mask_token=True))
    stock.set_attn_implementation(attention)
    weights = {name.removeprefix("beit.") if name in NORM else name: w for name, w in backbone.state_dict().items()}
    told = stock.load_state_dict(weights | {"beit.embeddings.mask_token": token.view(1, 1, -1)}, strict=False)
    assert told.unexpected_keys == [] and told.missing_keys == ["lm_head.weight", "lm_head.bias"]
    return stock


def pixels_of(batch: Batch, dtype: torch.dtype) -> Tensor:
    assert batch.pixels is not None
    return ((batch.pixels.float() / 255 - 0.5) / 0.5).to(dtype)


def some_patches(rows: int, patches: int) -> Tensor:
    return torch.rand(rows, patches, generator=torch.Generator().manual_seed(4)) < 0.4


def check_close(found: Tensor | None, expected: Tensor | None, tolerance: float, name: str) -> None:
    assert found is not None and expected is not None, name
    scale = float(expected.detach().abs().max())
    assert scale > 0, name
    found, expected = found.double(), expected.double()
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * scale, msg=lambda text: f"{name}: {text}")


@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "masked"])
@pytest.mark.parametrize("checkpointed", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("precision", TOLERANCE)
def test_patches_and_gradients_are_those_of_the_published_class(
    small_dit: Callable[..., Any],
    make_batch: Callable[..., Batch],
    make_everything_matter: Callable[[nn.Module], None],
    precision: str,
    attention: str,
    checkpointed: bool,
    hidden: bool,
) -> None:
    dtype = torch.float64 if precision == "float64" else torch.float32
    backbone = small_dit(attention=attention).build(0, 0)
    make_everything_matter(backbone)
    token = nn.Parameter(torch.randn(48, generator=torch.Generator().manual_seed(3)).to(dtype))
    # transformers' eager softmax is fp32 whatever the model is
    stock = stock_of(backbone, token.data, attention if precision == "float64" else "eager").to(dtype)
    backbone.to(dtype)
    if checkpointed:
        backbone.checkpoint_activations()
    batch = make_batch((2, 2))
    mask = some_patches(2, 16) if hidden else None
    batch.patch_mask = mask
    weigh = torch.randn(2, 16, 48, generator=torch.Generator().manual_seed(5))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        patches = backbone(replace(batch, patch_token=token)).patches
        expected = stock.layernorm(stock.beit(pixels_of(batch, dtype), bool_masked_pos=mask).last_hidden_state)[:, 1:]
    (patches * weigh).sum().backward()
    (expected * weigh).sum().backward()
    check_close(patches, expected, TOLERANCE[precision], "patches")
    theirs = {name: weight.grad for name, weight in stock.named_parameters() if not name.startswith("lm_head.")}
    of_token = theirs.pop("beit.embeddings.mask_token")
    for name, weight in backbone.named_parameters():
        stock_name = name.removeprefix("beit.") if name in NORM else name
        check_close(weight.grad, theirs.pop(stock_name), TOLERANCE[precision], name)
    assert not theirs
    if hidden:
        check_close(token.grad, of_token.flatten(), TOLERANCE[precision], "token")
    else:
        assert token.grad is None and of_token is None


def test_pooled_is_what_the_published_pooler_gives(
    small_dit: Callable[..., Any],
    make_batch: Callable[..., Batch],
    make_everything_matter: Callable[[nn.Module], None],
) -> None:
    backbone = small_dit().build(0, 0)
    make_everything_matter(backbone)
    stock = BeitModel(config_of(backbone, use_mean_pooling=True))
    weights = backbone.beit.state_dict()
    stock.load_state_dict(
        {f"pooler.{name}" if name.startswith("layernorm.") else name: w for name, w in weights.items()}, strict=True
    )
    batch = make_batch((2, 2))
    pooled, expected = backbone(batch).pooled, stock(pixels_of(batch, torch.float32)).pooler_output
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(pooled, backbone(batch).patches.mean(dim=1), atol=0.01)
    pooled.pow(3).sum().backward()
    expected.pow(3).sum().backward()
    theirs = {name.removeprefix("pooler."): weight.grad for name, weight in stock.named_parameters()}
    for name, weight in backbone.beit.named_parameters():
        check_close(weight.grad, theirs.pop(name), 2e-5, name)
    assert not theirs


def test_the_same_seed_drops_the_same_paths_and_values(
    small_dit: Callable[..., Any],
    make_batch: Callable[..., Batch],
    make_everything_matter: Callable[[nn.Module], None],
) -> None:
    backbone = small_dit(drop_path=0.4, dropout=0.2, attention_dropout=0.3, attention="eager").build(0, 0)
    make_everything_matter(backbone)
    stock = stock_of(backbone, torch.zeros(48), "eager").train()
    batch = make_batch((2, 2, 2, 2))
    torch.manual_seed(5)
    patches = backbone(batch).patches
    torch.manual_seed(5)
    expected = stock.layernorm(stock.beit(pixels_of(batch, torch.float32)).last_hidden_state)[:, 1:]
    torch.testing.assert_close(patches, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(patches, backbone(batch).patches, atol=0.1)
    assert torch.equal(backbone.eval()(batch).patches, backbone(batch).patches)


@pytest.mark.parametrize("pixels", [(32, 32), (96, 48), (128, 128)], ids=str)
def test_an_image_of_any_size_is_seen_as_the_stock_model_sees_it(
    small_dit: Callable[..., Any],
    make_batch: Callable[..., Batch],
    make_everything_matter: Callable[[nn.Module], None],
    pixels: tuple[int, int],
) -> None:
    backbone = small_dit().build(0, 0)
    make_everything_matter(backbone)
    stock, batch = stock_of(backbone, torch.zeros(48)), make_batch((2, 2))
    draw = torch.Generator().manual_seed(0)
    batch.pixels = torch.randint(0, 256, (2, 3, *pixels), generator=draw, dtype=torch.uint8)
    patches = backbone(batch).patches
    expected = stock.layernorm(stock.beit(pixels_of(batch, torch.float32)).last_hidden_state)[:, 1:]
    assert patches.shape == (2, pixels[0] * pixels[1] // 256, 48)
    torch.testing.assert_close(patches, expected, rtol=0, atol=1e-4)
