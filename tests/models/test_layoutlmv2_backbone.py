"""LayoutLMv2 and LayoutXLM behind the backbone contract: every ablation's arm, and every mended defect."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import LayoutLMv2Config, LayoutLMv2Model

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.models.layoutlmv2.backbone import LayoutLMv2Backbone, StockLayoutLMv2Backbone
from docexp.models.layoutxlm import LayoutXLMSettings

torch.set_num_threads(1)

SMALL = {
    "layers": 2,
    "heads": 4,
    "hidden_size": 48,
    "ffn_size": 64,
    "coordinate_size": 8,
    "shape_size": 8,
    "max_tokens": 64,
    "image_size": 32,
    "grid_size": 4,
    "visual_freeze_at": 0,
    "visual_blocks": [1, 1, 1, 1],
    "visual_groups": 2,
    "visual_group_width": 2,
    "visual_stem": 4,
    "visual_width": 8,
    "visual_channels": 8,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}

ARMS: dict[str, dict[str, Any]] = {
    "all": {},
    "no image": {"image": "none"},
    "no layout": {"layout": False},
    "no distance in reading order": {"bias_1d": False},
    "no distance on the page": {"bias_2d": False},
    "no distances": {"bias_1d": False, "bias_2d": False},
    "words alone": {"layout": False, "image": "none", "bias_1d": False},
    "three matrices": {"fast_qkv": False},
    "segment embedding": {"visual_segment": True},
    "published freezing": {"visual_freeze_at": 2},
    "frozen image": {"train_visual": False},
    "frozen biases": {"train_rel_pos": False},
    "local biases": {"rel_pos_init": "local"},
}
FROZEN = {"published freezing", "frozen image", "frozen biases"}


def small(**changes: Any) -> LayoutLMv2Settings:
    return LayoutLMv2Settings(**{**SMALL, **changes})


def small_xlm(**changes: Any) -> LayoutXLMSettings:
    return LayoutXLMSettings(**{**SMALL, **changes})


@pytest.fixture
def batch(make_batch: Callable[..., Batch]) -> Batch:
    return make_batch((23, 9), image_size=32)


@pytest.mark.parametrize("family", [small, small_xlm], ids=["v2", "xlm"])
@pytest.mark.parametrize("arm", ARMS)
def test_it_provides_what_it_says_and_every_trainable_parameter_gets_a_gradient(
    batch: Batch, family: Callable[..., LayoutLMv2Settings], arm: str, outputs: Callable[..., dict[str, Tensor]]
) -> None:
    settings = family(**ARMS[arm])
    torch.manual_seed(0)
    backbone = settings.build(120, 1)
    encoded = outputs(backbone(batch))
    assert set(encoded) == settings.provides == backbone.provides
    shapes = {"text": (2, 23, 48), "patches": (2, 16, 48), "pooled": (2, 48)}
    assert {name: tuple(value.shape) for name, value in encoded.items()} == {name: shapes[name] for name in encoded}
    # what a task would train from: any one of the outputs must reach every parameter
    for name, value in encoded.items():
        backbone.zero_grad(set_to_none=True)
        (value * torch.randn_like(value)).sum().backward(retain_graph=True)
        idle = [key for key, weight in backbone.named_parameters() if weight.requires_grad and weight.grad is None]
        assert not idle, (name, idle)
    always = {f"fpn_output{level}" for level in (3, 4, 5)}  # nothing reads them
    frozen = [n for n, w in backbone.named_parameters() if not w.requires_grad and not always & set(n.split("."))]
    assert bool(frozen) == (arm in FROZEN and not (family is small_xlm and arm == "frozen biases"))


def test_what_is_not_seen_is_not_built_and_the_rest_keeps_its_names() -> None:
    names = {arm: set(small(**changes).build(120, 1).state_dict()) for arm, changes in ARMS.items()}
    everything = names["all"] | names["segment embedding"]
    gone = {arm: {name.split(".")[1] for name in names["all"] - some} for arm, some in names.items()}
    tables = {f"layoutlmv2.encoder.rel_pos_{axis}bias.weight" for axis in ("", "x_", "y_")}
    assert gone["no image"] == {"visual", "visual_proj", "visual_LayerNorm"}
    assert names["all"] - names["no distances"] == tables
    for arm in ("no layout", "no distance on the page"):
        assert names["all"] - names[arm] == tables - {"layoutlmv2.encoder.rel_pos_bias.weight"}
    assert names["segment embedding"] - names["all"] == {"layoutlmv2.visual_segment_embedding"}
    assert all(some <= everything for arm, some in names.items() if arm != "three matrices")
    assert not any("pooler" in name for name in everything)


def test_text_patches_and_pooled_are_the_right_positions(batch: Batch) -> None:
    backbone = small().build(120, 1)
    inputs = {"input_ids": batch.input_ids, "bbox": batch.bbox, "attention_mask": batch.mask.long()}
    hidden = backbone.layoutlmv2(**inputs, image=batch.pixels.float()).last_hidden_state  # 23 tokens, 16 cells
    encoded = backbone(batch)
    assert torch.equal(encoded.text, hidden[:, :23]) and torch.equal(encoded.patches, hidden[:, 23:])
    assert torch.equal(encoded.pooled, hidden[:, 0])


@pytest.mark.parametrize("arm", ["no layout", "words alone"])
def test_without_layout_no_place_changes_anything(
    batch: Batch, arm: str, outputs: Callable[..., dict[str, Tensor]], make_everything_matter: Callable[..., None]
) -> None:
    torch.manual_seed(0)
    blind, seeing = small(**ARMS[arm]).build(120, 1), small().build(120, 1)
    make_everything_matter(blind)
    make_everything_matter(seeing)
    before = [outputs(model(batch)) for model in (blind, seeing)]
    batch.bbox = batch.bbox // 2
    after = [outputs(model(batch)) for model in (blind, seeing)]
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])
    assert not any(torch.equal(before[1][name], after[1][name]) for name in before[1])


@pytest.mark.parametrize("setting", ["bias_1d", "bias_2d", "visual_segment"])
def test_every_axis_changes_the_output(batch: Batch, setting: str) -> None:
    found = []
    for value in (True, False):
        model = small(**{setting: value}).build(120, 1)
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, weight in sorted(model.named_parameters()):
                if "rel_pos" in name or "segment" in name:
                    weight.fill_(0).add_(torch.linspace(-1, 1, weight.shape[-1]))
                else:
                    weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
        found.append(model(batch).text)
    assert (found[0] - found[1]).abs().max() > 1e-3


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("lengths", [(23, 17, 9), (16, 16)], ids=["padded", "full"])
@pytest.mark.parametrize("precision", ["fp32", "bf16-mixed"])
def test_both_attentions_give_the_values_and_gradients_of_the_stock_class(
    make_batch: Callable[..., Batch],
    arm: str,
    lengths: tuple[int, ...],
    precision: str,
    outputs: Callable[..., dict[str, Tensor]],
    make_everything_matter: Callable[..., None],
) -> None:
    batch, found = make_batch(lengths, image_size=32), {}
    for which in ("stock", "eager", "sdpa"):
        settings = small(attention="eager" if which == "stock" else which, **ARMS[arm])
        torch.manual_seed(0)
        backbone = settings.build_stock(120, 1) if which == "stock" else settings.build(120, 1)
        if which == "stock":
            make_everything_matter(backbone)
            state = backbone.state_dict()
        backbone.load_state_dict(state)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            encoded = outputs(backbone(batch))
        there = {name: value[batch.mask] if name == "text" else value for name, value in encoded.items()}
        sum(value.double().square().mean() for value in there.values()).backward()
        gradients = {f"gradient of {name}": weight.grad for name, weight in backbone.named_parameters()}
        found[which] = {**there, **gradients}
    assert isinstance(settings.build_stock(120, 1), StockLayoutLMv2Backbone)
    tolerance = {"fp32": 3e-5, "bf16-mixed": 0.1}[precision]  # the stock class knows no float64
    largest = max(float(g.abs().max()) for name, g in found["stock"].items() if g is not None and "gradient" in name)
    without = {name for name, value in found["stock"].items() if "rel_pos" in name and value is None}
    assert without == {name for name in found["stock"] if "rel_pos" in name}  # as in the test below
    oracle = {**found["stock"], **{name: found["eager"][name] for name in without}}
    for name, expected in oracle.items():
        for which in ("eager", "sdpa"):
            if expected is None:
                assert found[which][name] is None, name
                continue
            # a key's bias adds the same to all scores of a query: its gradient is 0 but for rounding
            scale = largest if name.endswith("key.bias") else float(expected.detach().abs().max())
            torch.testing.assert_close(
                found[which][name].double(),
                expected.double(),
                rtol=0,
                atol=tolerance * scale,
                msg=lambda text, name=name, which=which: f"{which} {name}: {text}",
            )


def test_the_biases_gradients_are_the_derivatives(batch: Batch, make_everything_matter: Callable[..., None]) -> None:
    backbone = small().build(120, 1).double()
    make_everything_matter(backbone)
    table = backbone.layoutlmv2.encoder.rel_pos_y_bias.weight
    backbone(batch).text.square().sum().backward()
    head, bucket = divmod(int(table.grad.abs().argmax()), table.shape[1])
    found = []
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            table[head, bucket] += step
            found.append(float(backbone(batch).text.square().sum()))
            table[head, bucket] -= step
    assert (found[0] - found[1]) / 2e-5 == pytest.approx(float(table.grad[head, bucket]), rel=1e-5)


def test_the_stock_class_cannot_be_built_and_its_classes_refuse_checkpointing() -> None:
    with pytest.raises(ImportError, match="detectron2"):
        LayoutLMv2Model(LayoutLMv2Config())
    stock = small().build_stock(120, 1).layoutlmv2
    enable = getattr(stock, "activation_checkpointing_enable", None) or stock.gradient_checkpointing_enable
    with pytest.raises(ValueError, match="does not support"):
        enable()


@pytest.mark.parametrize("arm", ["all", "no image", "frozen image", "three matrices"])
def test_checkpointed_activations_change_no_bit(
    batch: Batch, check_checkpointing: Callable[..., None], arm: str
) -> None:
    settings = small(**{"dropout": 0.1, "attention_dropout": 0.1, "layers": 3, **ARMS[arm]})
    check_checkpointing(lambda: settings.build(120, 1), batch)


def test_no_position_changes_the_others_when_padding_grows(
    make_batch: Callable[..., Batch], make_everything_matter: Callable[..., None]
) -> None:
    backbone = small().build(120, 1).double()
    make_everything_matter(backbone)
    batch, longer = make_batch((9,), image_size=32), make_batch((9, 23), image_size=32)
    longer.input_ids[0, :9], longer.bbox[0, :9], longer.pixels[0] = batch.input_ids[0], batch.bbox[0], batch.pixels[0]
    torch.testing.assert_close(backbone(longer).text[0, :9], backbone(batch).text[0], rtol=0, atol=1e-11)
    torch.testing.assert_close(backbone(longer).patches[0], backbone(batch).patches[0], rtol=0, atol=1e-11)


def test_attention_maps_need_eager_attention(batch: Batch) -> None:
    eager, fast = (small(attention=attention).build(120, 1).eval() for attention in ("eager", "sdpa"))
    inputs = {"input_ids": batch.input_ids, "bbox": batch.bbox, "attention_mask": batch.mask.long()}
    inputs["image"] = batch.pixels.float()
    maps = eager.layoutlmv2(**inputs, output_attentions=True).attentions
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 39, 39)] * 2
    torch.testing.assert_close(maps[0].sum(dim=-1), torch.ones(2, 4, 39))
    assert maps[0][1, :, :, 9:23].max() == 0  # padding is not looked at
    with pytest.raises(DocexpError, match=r"keeps no attention maps: set model\.attention=eager"):
        fast.layoutlmv2(**inputs, output_attentions=True)


def test_local_biases_fall_with_distance_whatever_the_width_of_a_head() -> None:
    models = [small(rel_pos_init="local", heads=heads).build(120, 1) for heads in (4, 2)]
    for table in (model.layoutlmv2.encoder.rel_pos_x_bias.weight for model in models):
        # LOCAL_DECAY undivided, at the near end of the farthest bucket
        assert table.min() == -16 * 216 / 256 and table.max() == 0
        assert not table[-1].any() and table[0, 0] == 0


@pytest.mark.parametrize("pixels", [(64, 32), (32, 96), (64, 64)], ids=str)
def test_an_image_of_any_size_that_the_pyramid_divides_is_seen(batch: Batch, pixels: tuple[int, int]) -> None:
    batch.pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, *pixels), dtype=np.uint8))
    backbone = small().build(120, 1)
    encoded = backbone(batch)
    assert encoded.patches.shape == (2, 16, 48)
    encoded.patches.square().sum().backward()


def test_what_a_pass_has_to_do(batch: Batch) -> None:
    """By torch's own count over rows without padding; the products of attention are counted with it, as they run."""
    from torch.utils.flop_counter import FlopCounterMode

    batch.owner = torch.arange(2)[:, None].expand(2, 23)
    for settings in (small(attention="eager"), small(attention="eager", image="none")):
        backbone = settings.build(120, 1).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            backbone(batch)
        work = backbone.work(batch)
        assert float(work.flops.sum()) == pytest.approx(counter.get_total_flops(), rel=1e-9)
        assert work.positions.tolist() == [23 + (16 if settings.image == "grid" else 0)] * 2


@pytest.mark.parametrize(
    ("lengths", "image_size", "message"),
    [
        ((65,), 32, "a text of 65 tokens in a model of max_tokens=64"),
        ((9,), 40, "an image of 40 × 40 pixels: both must be multiples of 32"),
        ((9,), None, r"the data has none: use model\.image=none"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    make_batch: Callable[..., Batch], lengths: tuple[int, ...], image_size: int | None, message: str
) -> None:
    with pytest.raises(DocexpError, match=message):
        small().build(120, 1)(make_batch(lengths, image_size=image_size))


def test_the_longest_text_fits(make_batch: Callable[..., Batch]) -> None:
    for family in (small, small_xlm):
        backbone: LayoutLMv2Backbone = family().build(120, 1)
        assert backbone(make_batch((64, 3), image_size=32)).text.shape == (2, 64, 48)
