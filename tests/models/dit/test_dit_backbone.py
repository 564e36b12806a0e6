"""DiT behind the backbone contract: what goes in, what comes out, and that every parameter trains."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BeitImageProcessorPil

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.patches import patch_pixels

torch.set_num_threads(1)


def given(batch: Batch, token: Tensor) -> Batch:
    return replace(batch, patch_token=token)


def hiding(batch: Batch, share: float = 0.4) -> Batch:
    mask = torch.rand(batch.rows, 16, generator=torch.Generator().manual_seed(4)) < share
    assert 0 < mask.float().mean() < 1
    return replace(batch, patch_mask=mask)


@pytest.mark.parametrize("name", ["patches", "pooled"])
@pytest.mark.parametrize("hidden", [False, True], ids=["seen", "masked"])
def test_every_output_reaches_every_parameter(
    small_dit: Callable[..., Any],
    make_batch: Callable[..., Batch],
    outputs: Callable[..., Any],
    name: str,
    hidden: bool,
) -> None:
    settings = small_dit()
    backbone, batch, token = settings.build(0, 0), make_batch((2, 2)), nn.Parameter(torch.zeros(48))
    encoded = outputs(backbone(given(hiding(batch) if hidden else batch, token)))
    assert settings.provides == backbone.provides == {*encoded, "patch_token"}
    shapes = {"patches": (2, 16, 48), "pooled": (2, 48)}
    assert {output: tuple(value.shape) for output, value in encoded.items()} == shapes
    (encoded[name] * torch.randn_like(encoded[name])).sum().backward()
    assert not [key for key, weight in backbone.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert (token.grad is not None) == hidden


def test_masked_image_modelling_on_images_alone_trains_everything_and_learns(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    """A toy head that tells how bright a hidden patch is, on pages that are one grey throughout."""
    torch.manual_seed(0)
    backbone, head, token = small_dit(layer_scale=1.0).build(0, 0), nn.Linear(48, 4), nn.Parameter(torch.zeros(48))
    named = [*backbone.named_parameters(), *head.named_parameters(), ("token", token)]
    optimiser = torch.optim.AdamW([weight for _, weight in named], lr=2e-3)
    batch = hiding(make_batch((2,) * 8))
    grey = torch.arange(8) % 4
    batch.pixels = (grey * 80).to(torch.uint8)[:, None, None, None].expand(8, 3, 64, 64)
    losses = []
    for _ in range(40):
        logits = head(backbone(given(batch, token)).patches)[batch.patch_mask]
        loss = nn.functional.cross_entropy(logits, grey[:, None].expand(8, 16)[batch.patch_mask])
        optimiser.zero_grad()
        loss.backward()
        assert not [name for name, weight in named if weight.grad is None]
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.8 * math.log(4) and losses[-1] < 0.2 * math.log(4)


def test_what_is_hidden_changes_nothing_and_its_place_does(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch], make_everything_matter: Callable[..., None]
) -> None:
    backbone = small_dit().build(0, 0)
    make_everything_matter(backbone)
    token, batch = torch.randn(48, generator=torch.Generator().manual_seed(1)), make_batch((2, 2))
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[0, 6] = True  # the second row's third patch
    batch.patch_mask = mask
    other = replace(batch, pixels=batch.pixels.clone())
    other.pixels[0, :, 16:32, 32:48] = 7
    assert torch.equal(backbone(given(batch, token)).patches, backbone(given(other, token)).patches)
    other.pixels[0, :, 16:32, 31] = 7
    assert not torch.equal(backbone(given(batch, token)).patches, backbone(given(other, token)).patches)
    with torch.no_grad():
        backbone.beit.embeddings.position_embeddings[:, 1 + 6] += 1
    assert not torch.equal(
        backbone(given(batch, token)).patches[0, 6],
        backbone(given(other, token)).patches[0, 6],
    )


def test_without_hidden_patches_the_token_has_no_effect(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    backbone, batch = small_dit().build(0, 0), make_batch((2, 2))
    token = torch.full((48,), torch.nan)
    nothing = replace(batch, patch_mask=torch.zeros(2, 16, dtype=torch.bool))
    seen = backbone(batch).patches
    assert torch.equal(backbone(given(batch, token)).patches, seen) and torch.equal(
        backbone(given(nothing, token)).patches, seen
    )


def test_words_and_boxes_change_nothing(small_dit: Callable[..., Any], make_batch: Callable[..., Batch]) -> None:
    backbone, batch, other = small_dit().build(0, 0), make_batch((23, 9)), make_batch((2, 2), seed=1)
    other.pixels = batch.pixels
    assert torch.equal(backbone(batch).patches, backbone(other).patches)


def test_pixels_are_normalised_as_published(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch((2,))
    assert batch.pixels is not None
    image = Image.fromarray(np.ascontiguousarray(batch.pixels[0].numpy().transpose(1, 2, 0)))
    published = BeitImageProcessorPil(do_resize=False, do_center_crop=False)(image, return_tensors="pt")
    ours = patch_pixels(batch.pixels, 16, torch.float32)
    torch.testing.assert_close(ours, published["pixel_values"], rtol=0, atol=1e-6)


def test_checkpointed_activations_change_no_bit(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch], check_checkpointing: Callable[..., None]
) -> None:
    settings = small_dit(layers=6, dropout=0.1, attention_dropout=0.1, drop_path=0.3)
    check_checkpointing(lambda: settings.build(0, 0), make_batch((2, 2)))


def test_the_formula_counts_the_products_that_torch_counts(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    # eager: torch does not count its fused attention on a CPU
    backbone, batch = small_dit(attention="eager").build(0, 0), make_batch((2, 2, 2))
    with FlopCounterMode(display=False) as counter:
        backbone(batch)
    work = backbone.work(batch)
    assert work.positions.tolist() == [17] * 3
    assert float(work.flops.sum()) == counter.get_total_flops()


def test_fresh_weights_are_drawn_as_the_authors_pretraining_draws_them(small_dit: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    backbone = small_dit(hidden_size=128, ffn_size=512, layers=4).build(0, 0)
    weights: dict[str, Tensor] = dict(backbone.beit.named_parameters())
    # the standard deviation of a normal distribution that is cut at one of its own
    cut = math.sqrt(1 - 2 * math.exp(-0.5) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(0.5)))
    for name, weight in weights.items():
        if name.endswith(("lambda_1", "lambda_2")):
            assert (weight == 0.1).all()
        elif "layernorm" in name or name.endswith(".bias"):
            assert (weight == float("layernorm" in name and name.endswith("weight"))).all(), name
        else:
            layer = int(name.split(".")[1]) + 1 if name.endswith(("o_proj.weight", "fc2.weight")) else 0.5
            scale = 0.02 / math.sqrt(2 * layer)
            assert weight.abs().max() <= scale * (1 + 1e-6), name
            assert float(weight.detach().std()) == pytest.approx(cut * scale, rel=5 / math.sqrt(weight.numel())), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": None}, "the data has none: use data with images"),
        ({"pixels": torch.zeros(2, 3, 40, 64, dtype=torch.uint8)}, "an image of 40 × 64 pixels does not divide into"),
        ({"patch_mask": torch.ones(2, 1, dtype=torch.bool)}, "a mask of 1 patches for an image of 16"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DocexpError, match=message):
        small_dit().build(0, 0)(replace(make_batch((2, 2)), patch_token=torch.zeros(48), **change))


def test_hidden_patches_need_a_token(small_dit: Callable[..., Any], make_batch: Callable[..., Batch]) -> None:
    with pytest.raises(DocexpError, match="given no token to put in their place"):
        small_dit().build(0, 0)(hiding(make_batch((2, 2))))
