"""The backbone contract: what goes in, what comes out, and that every trainable parameter trains."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import LayoutLMv3ImageProcessorPil, LayoutLMv3Model

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone

torch.set_num_threads(1)

ARMS = {
    "all": {},
    "text alone": {"image": "none"},
    "image alone": {"text": False},
    "no layout": {"layout": False},
    "words alone": {"layout": False, "image": "none"},
    "image without layout": {"layout": False, "text": False},
    "frozen biases": {"train_rel_pos": False},
    "segments": {"valid_span": True},
    "rows and columns": {"image_position": "2d"},
    "no order": {"bias_1d": False},
}


@pytest.mark.parametrize("arm", ARMS)
def test_it_provides_what_it_says_and_every_trainable_parameter_gets_a_gradient(
    small: Callable[..., Any], make_batch: Callable[..., Batch], arm: str, outputs: Callable[..., dict[str, Tensor]]
) -> None:
    settings = small(**ARMS[arm])
    torch.manual_seed(0)
    backbone = settings.build(120, 1)
    encoded = outputs(backbone(make_batch((23, 9))))
    assert set(encoded) == settings.provides - {"patch_token"} and settings.provides == backbone.provides
    shapes = {"text": (2, 23, 48), "patches": (2, 16, 48), "pooled": (2, 48)}
    assert {name: tuple(value.shape) for name, value in encoded.items()} == {name: shapes[name] for name in encoded}
    # what a task would train from: any one of the outputs must reach every parameter
    for name, value in encoded.items():
        backbone.zero_grad(set_to_none=True)
        (value * torch.randn_like(value)).sum().backward(retain_graph=True)
        idle = [key for key, weight in backbone.named_parameters() if weight.requires_grad and weight.grad is None]
        assert not idle, (name, idle)
    assert (arm == "frozen biases") == any(not weight.requires_grad for weight in backbone.parameters())


def test_what_is_not_seen_is_not_built_and_the_rest_keeps_its_names(small: Callable[..., Any]) -> None:
    names = {arm: set(small(**changes).build(120, 1).state_dict()) for arm, changes in ARMS.items()}
    everything = names["all"]
    assert all(some <= everything for arm, some in names.items() if arm != "rows and columns")
    assert names["segments"] == everything
    gone = {arm: {name.split(".")[1] for name in everything - some} for arm, some in names.items()}
    image = {"patch_embed", "cls_token", "pos_embed", "LayerNorm", "norm"}
    assert gone["text alone"] == image and gone["image alone"] == {"embeddings"}
    assert gone["no layout"] == {"encoder"} and gone["words alone"] == image | {"encoder"}


def test_text_patches_and_pooled_are_the_right_positions(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    backbone, batch = small().build(120, 1), make_batch((23, 9))
    hidden = backbone.layoutlmv3(
        **backbone._text(batch), pixel_values=backbone._pixels(batch)
    ).last_hidden_state  # 23 tokens, the visual class token, 16 patches
    encoded = backbone(batch)
    assert torch.equal(encoded.text, hidden[:, :23])
    assert torch.equal(encoded.patches, hidden[:, 24:])
    assert torch.equal(encoded.pooled, hidden[:, 0])
    alone = small(text=False).build(120, 1)
    hidden = alone.layoutlmv3(pixel_values=alone._pixels(batch)).last_hidden_state
    assert torch.equal(alone(batch).pooled, hidden[:, 0]) and torch.equal(alone(batch).patches, hidden[:, 1:])


def test_pixels_are_normalised_as_published(small: Callable[..., Any], make_batch: Callable[..., Batch]) -> None:
    batch = make_batch((5,))
    assert batch.pixels is not None
    image = Image.fromarray(np.ascontiguousarray(batch.pixels[0].numpy().transpose(1, 2, 0)))
    published = LayoutLMv3ImageProcessorPil(apply_ocr=False, do_resize=False)(image, return_tensors="pt")
    ours = small().build(120, 1)._pixels(batch)
    torch.testing.assert_close(ours, published["pixel_values"], rtol=0, atol=1e-6)
    assert small().build(120, 1).double()._pixels(batch).dtype == torch.float64


def test_without_layout_no_place_changes_anything(
    small: Callable[..., Any], make_batch: Callable[..., Batch], outputs: Callable[..., dict[str, Tensor]]
) -> None:
    batch, moved = make_batch((23, 9)), make_batch((23, 9))
    moved.bbox = moved.bbox // 2
    torch.manual_seed(0)
    blind, seeing = small(layout=False).build(120, 1), small().build(120, 1)
    for name, value in outputs(blind(batch)).items():
        assert torch.equal(value, outputs(blind(moved))[name])
        assert not torch.equal(outputs(seeing(batch))[name], outputs(seeing(moved))[name])


@pytest.mark.parametrize("arm", ["all", "image alone", "frozen biases"])
def test_checkpointed_activations_change_no_bit(
    small: Callable[..., Any], make_batch: Callable[..., Batch], check_checkpointing: Callable[..., None], arm: str
) -> None:
    settings = small(dropout=0.1, attention_dropout=0.1, **ARMS[arm])
    check_checkpointing(lambda: settings.build(120, 1), make_batch((23, 9)))


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("lengths", [(23, 17, 9), (16, 16)], ids=["padded", "full"])
@pytest.mark.parametrize("precision", ["fp32", "float64", "bf16-mixed"])
def test_sdpa_gives_the_values_and_gradients_of_eager_attention(
    small: Callable[..., Any],
    make_batch: Callable[..., Batch],
    arm: str,
    lengths: tuple[int, ...],
    precision: str,
    outputs: Callable[..., dict[str, Tensor]],
) -> None:
    batch, found = make_batch(lengths), {}
    for attention in ("sdpa", "eager"):
        backbone = small(attention=attention, **ARMS[arm]).build(120, 1)
        draw = torch.Generator().manual_seed(2)
        with torch.no_grad():  # biases as large as the scores, and nothing zero
            for name, weight in backbone.named_parameters():
                std = 1.0 if "rel_pos" in name else 0.2
                weight.copy_(torch.randn(weight.shape, generator=draw) * std + float("Norm.weight" in name))
        backbone.to(torch.float64 if precision == "float64" else torch.float32)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            encoded = outputs(backbone(batch))
        there = {name: value[batch.mask] if name == "text" else value for name, value in encoded.items()}
        sum(value.double().square().mean() for value in there.values()).backward()
        gradients = {f"gradient of {name}": weight.grad for name, weight in backbone.named_parameters()}
        found[attention] = {**there, **gradients}
    tolerance = {"float64": 1e-11, "fp32": 1e-4, "bf16-mixed": 0.1}[precision]
    largest = max(float(g.abs().max()) for name, g in found["eager"].items() if g is not None and "gradient" in name)
    for name, expected in found["eager"].items():
        if expected is None:
            assert found["sdpa"][name] is None, name
            continue
        # a key's bias adds the same to all scores of a query: its gradient is 0 but for rounding
        zero = name.endswith("key.bias")
        scale = largest if zero else float(expected.detach().abs().max())
        torch.testing.assert_close(
            found["sdpa"][name].double(),
            expected.double(),
            rtol=0,
            atol=tolerance * scale,
            msg=lambda text, name=name: f"{name}: {text}",
        )


def test_sdpa_keeps_a_fraction_of_what_eager_attention_keeps(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    batch, kept = make_batch((96, 96)), {}
    for attention in ("sdpa", "eager"):
        backbone = small(attention=attention, layers=4, max_tokens=96, attention_dropout=0.1).build(120, 1)
        storages: dict[int, int] = {}

        def note(tensor: Tensor, storages: dict[int, int] = storages) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            backbone(batch)
        kept[attention] = sum(storages.values())
    assert kept["sdpa"] < kept["eager"] / 2.8


def test_attention_maps_need_eager_attention(small: Callable[..., Any], make_batch: Callable[..., Batch]) -> None:
    batch = make_batch((23, 9))
    eager, fast = (small(attention=attention).build(120, 1).eval() for attention in ("eager", "sdpa"))
    inputs = {**eager._text(batch), "pixel_values": eager._pixels(batch)}
    maps = eager.layoutlmv3(**inputs, output_attentions=True).attentions
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 40, 40)] * 2
    torch.testing.assert_close(maps[0].sum(dim=-1), torch.ones(2, 4, 40))
    assert maps[0][1, :, :, 9:23].max() == 0  # padding is not looked at
    with pytest.raises(DocexpError, match=r"keeps no attention maps: set model\.attention=eager"):
        fast.layoutlmv3(**inputs, output_attentions=True)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("pixels", [(32, 32), (96, 48), (64, 64)], ids=str)
def test_an_image_of_any_size_is_seen(
    small: Callable[..., Any], make_batch: Callable[..., Batch], pixels: tuple[int, int], attention: str
) -> None:
    backbone, batch = small(attention=attention).build(120, 1), make_batch((23, 9))
    draw = torch.Generator().manual_seed(0)
    batch.pixels = torch.randint(0, 256, (2, 3, *pixels), generator=draw, dtype=torch.uint8)
    with torch.no_grad():
        backbone.layoutlmv3.pos_embed.normal_(generator=draw)
    encoded = backbone(batch)
    rows, columns = pixels[0] // 16, pixels[1] // 16
    assert encoded.patches.shape == (2, rows * columns, 48)
    encoded.patches.square().sum().backward()
    assert all(weight.grad is not None for weight in backbone.parameters())
    boxes = backbone.layoutlmv3.calculate_visual_bbox(torch.device("cpu"), torch.int64, 2)
    assert boxes.shape == (2, 1 + rows * columns, 4)
    assert boxes[0, 0].tolist() == [1, 1, 999, 999]
    cell = [1000 // columns, 1000 // rows]
    assert boxes[1, 1].tolist() == [0, 0, *cell] and boxes[1, -1, 2:].tolist() == [1000, 1000]
    assert boxes[0, columns].tolist() == [1000 * (columns - 1) // columns, 0, 1000, cell[1]]


def test_the_stock_model_fails_at_any_size_but_its_own(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    backbone, batch = small().build(120, 1), make_batch((9,), image_size=32)
    stock = LayoutLMv3Model(backbone.config)
    with pytest.raises(RuntimeError, match="must match the size"):
        stock(**backbone._text(batch), pixel_values=backbone._pixels(batch))


@pytest.mark.parametrize(
    ("lengths", "image_size", "message"),
    [
        ((65,), 64, "a text of 65 tokens in a model of max_tokens=64"),
        ((9,), 40, "an image of 40 × 40 pixels does not divide into patches of 16 × 16"),
        ((9,), None, "the data has none: use model.image=none"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    small: Callable[..., Any],
    make_batch: Callable[..., Batch],
    lengths: tuple[int, ...],
    image_size: int | None,
    message: str,
) -> None:
    with pytest.raises(DocexpError, match=message):
        small().build(120, 1)(make_batch(lengths, image_size=image_size))


def test_the_longest_text_fits(small: Callable[..., Any], make_batch: Callable[..., Batch]) -> None:
    for pad in (0, 1, 7):
        backbone: LayoutLMv3Backbone = small().build(120, pad)
        batch = make_batch((64, 3))
        batch.input_ids[~batch.mask] = pad
        assert backbone(batch).text.shape == (2, 64, 48)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_pyramid_has_four_maps_and_trains_every_parameter(
    small: Callable[..., Any], make_batch: Callable[..., Batch], attention: str
) -> None:
    backbone = small(text=False, pyramid=[0, 0, 1, 1], attention=attention).build(120, 1)
    assert "pyramid" in backbone.provides
    batch = make_batch((5, 5))
    batch.pixels = batch.pixels[:, :, :, :32]  # 4 × 2 patches
    maps = backbone(batch).pyramid
    assert [tuple(map_.shape) for map_ in maps] == [(2, 48, 4 * 4, 8), (2, 48, 8, 4), (2, 48, 4, 2), (2, 48, 2, 1)]
    sum(map_.square().sum() for map_ in maps).backward()
    assert not [name for name, weight in backbone.named_parameters() if weight.grad is None]


def test_a_token_of_another_segment_is_as_far_as_can_be(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    """Without the 2-D biases: what stands in another segment has one of two biases, whatever its distance."""
    backbone = small(valid_span=True, bias_2d=False).build(120, 1)
    batch = make_batch((6,), image_size=32)
    batch.bbox[0, 1:4], batch.bbox[0, 4:] = batch.bbox[0, 1], batch.bbox[0, 4]  # segments of 1, 3 and 2 tokens
    encoder = backbone.layoutlmv3.encoder
    encoder.segments = backbone._text(batch)["segments"]
    assert encoder.segments.tolist() == [[0, 1, 1, 1, 2, 2]]
    assert backbone._text(batch)["position_ids"].tolist() == [[2, 2, 3, 4, 2, 3]]
    order = torch.cat([torch.arange(6), torch.arange(5)])[None]  # text, then the class token and four patches
    bias = encoder._cal_1d_pos_emb(order)[0]
    far, near = encoder._cal_1d_pos_emb(order)[0, :, 0, 5], bias[:, 0, 0]
    assert torch.equal(bias[:, 0, 1], far) and torch.equal(bias[:, 3, 4], far)
    assert not torch.equal(bias[:, 1, 2], far) and not torch.equal(bias[:, 1, 2], near)
    assert torch.equal(bias[:, 2, 6:], near[:, None].expand(-1, 5))  # text looks at the image
    assert torch.equal(bias[:, 7, :6], near[:, None].expand(-1, 6))  # and the image at text
    encoder.segments = None
    assert torch.equal(bias[:, 6:, 6:], encoder._cal_1d_pos_emb(order)[0, :, 6:, 6:])  # patches among themselves
