"""The axes of ablations: each composed from the command line's words, run on a batch, trained in every parameter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.random_batch import random_batch
from docexp.inputs.tokenizer import Tokenizer
from docexp.models.freezing import freeze
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.models.layoutlmv3.attention import scaled_softmax
from docexp.models.layoutlmv3.positions import joined_positions, resized_axis
from docexp.tasks.settings import Given
from docexp.tasks.tagging.targets import TAGS
from docexp.training.optim import parameter_groups, text_parameters

torch.set_num_threads(1)

TINY = ["model=layoutlmv3_tiny", "model.layers=1", "model.image_size=32", "model.max_tokens=64", "data.window_stride=8"]
AXES = [
    [],
    ["bias_1d=false"],
    ["bias_2d=false"],
    ["bias_1d=false", "bias_2d=false"],
    ["bias_1d=false", "attention=eager"],
    ["train_rel_pos=false"],
    ["image_position=2d"],
    ["image_position=none"],
    ["image=none"],
    ["image=none", "layout=false"],
    ["layout=false"],
    ["valid_span=true"],
    ["valid_span=true", "image=none", "attention=eager"],
    ["image_size=64"],
    ["attention=eager", "attention_softmax=plain"],
    ["attention=eager", "attention_softmax=maximum"],
    ["attention=eager"],
    ["freeze=[embeddings,encoder.layer.0]"],
]


def tagged(batch: Batch, tags: int) -> Batch:
    batch.targets = {TAGS: torch.where(batch.mask, batch.input_ids % tags, -100)}
    return batch


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: " ".join(axis) or "published")
def test_every_arm_composes_and_tagging_gives_every_trainable_parameter_a_gradient(
    axis: list[str], byte_tokenizer: Tokenizer
) -> None:
    """So plain DDP, which waits for every trainable parameter's gradient, works in every arm."""
    words = {word.partition("=")[0]: word for word in (*TINY, *(f"model.{word}" for word in axis))}
    settings = check(compose(list(words.values())))
    backbone = settings.model.build(120, 1)
    freeze(backbone, settings.model.freeze)
    task = settings.task.build(Given(data=settings.data, tokenizer=byte_tokenizer), backbone.hidden_size)
    batch = tagged(random_batch((23, 9), 120, settings.model.image_side), len(task.tags))
    task.losses(backbone(batch), batch).sums[TAGS].backward()
    parameters = {**dict(backbone.named_parameters()), **dict(task.named_parameters())}
    idle = [name for name, weight in parameters.items() if weight.requires_grad and weight.grad is None]
    assert not idle
    frozen = [name for name, weight in parameters.items() if not weight.requires_grad]
    assert bool(frozen) == any(word.startswith(("freeze", "train_rel_pos")) for word in axis)


@pytest.mark.parametrize("level", ["word", "line", "segment"])
def test_the_box_level_is_an_axis_too(level: str) -> None:
    assert check(compose([*TINY, f"data.box_level={level}"])).data.box_level == level


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bias_2d": False, "layout": False}, r"bias_2d=false has no effect with layout=false"),
        ({"image_position": "2d", "image": "none"}, r"image_position=2d has no effect with image=none"),
        ({"attention_softmax": "plain"}, r"attention_softmax=plain has no effect with attention=sdpa: set"),
        ({"valid_span": True, "bias_1d": False}, r"valid_span=true needs text=true, layout=true and bias_1d=true"),
        ({"valid_span": True, "text": False}, r"valid_span=true needs text=true"),
        ({"pyramid": [3, 5, 7]}, r"pyramid=\[3,5,7\] must name 4 layers in order"),
        ({"pyramid": [3, 5, 7, 10]}, r"the last one being 11: layers behind it would never train"),
        ({"pyramid": [5, 3, 7, 11]}, r"pyramid=\[5,3,7,11\] must name 4 layers in order"),
        ({"pyramid": [3, 5, 7, 11], "image": "none"}, r"it needs image=patches"),
    ],
)
def test_choices_without_effect_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        LayoutLMv3Settings(**values)


def test_the_published_detectors_layers_are_a_pyramid() -> None:
    for flavour, layers in {"base": "[3,5,7,11]", "large": "[7,11,15,23]"}.items():
        words = [f"model=layoutlmv3_{flavour}", "model.tokenizer=data:300", f"model.pyramid={layers}"]
        with pytest.raises(DocexpError, match="this task would never train"):  # what it lacks is a task, not a shape
            check(compose(words))


def test_a_pyramid_is_not_built_for_a_task_that_has_no_use_for_it() -> None:
    with pytest.raises(DocexpError, match=r"model\.pyramid builds parameters that this task would never train"):
        check(compose([*TINY, "model.pyramid=[0,0,0,0]"]))


@pytest.mark.parametrize("changes", [{"bias_1d": False}, {"bias_2d": False}, {"bias_1d": False, "bias_2d": False}])
def test_a_bias_is_there_alone_or_not_at_all_in_both_attentions(
    small: Callable[..., Any], make_batch: Callable[..., Batch], changes: dict[str, bool]
) -> None:
    """transformers leaves the 2-D biases out where there is none in reading order, silently."""
    batch, outputs = make_batch((23, 9)), {}
    for attention in ("sdpa", "eager"):
        backbone = small(attention=attention, **changes).build(120, 1).double()
        draw = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for weight in backbone.parameters():
                weight.copy_(torch.randn(weight.shape, generator=draw, dtype=torch.float64) * 0.5)
        outputs[attention] = backbone(batch).text[batch.mask]
        with torch.no_grad():
            tables = [weight for name, weight in backbone.named_parameters() if "rel_pos" in name]
            for table in tables:
                table.zero_()
        assert torch.allclose(backbone(batch).text[batch.mask], outputs[attention]) == (not tables)
        assert len(tables) == {1: 2 if "bias_1d" in changes else 1, 2: 0}[len(changes)]
    torch.testing.assert_close(outputs["sdpa"], outputs["eager"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", ["plain", "maximum", "cogview"])
def test_every_form_of_the_softmax_is_the_softmax(form: str) -> None:
    scores = 5 * torch.randn(3, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    torch.testing.assert_close(scaled_softmax(scores, form), weights, rtol=0, atol=1e-14)


def test_the_forms_round_differently_in_bfloat16() -> None:
    scores = 50 * torch.randn(8, 40, generator=torch.Generator().manual_seed(0), dtype=torch.bfloat16)
    found = [scaled_softmax(scores, form) for form in ("plain", "maximum", "cogview")]
    assert not torch.equal(found[0], found[2]) or not torch.equal(found[1], found[2])


def test_positions_by_row_and_column_tell_every_patch_apart(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    backbone, batch = small(image_position="2d").build(120, 1), make_batch((5,))
    names = {name for name, _ in backbone.named_parameters() if "position" in name and "embeddings" not in name}
    assert names == {f"layoutlmv3.{part}_position" for part in ("row", "column", "class")}
    row, column = torch.arange(4.0).view(1, 4, 1), 10 * torch.arange(4.0).view(1, 4, 1)
    table = joined_positions(row, column, torch.full((1, 1, 2), -1.0))
    assert table[0].tolist() == [[-1, -1], *([r, 10 * c] for r in range(4) for c in range(4))]
    before = backbone(batch).patches
    with torch.no_grad():
        backbone.layoutlmv3.column_position[0, 2] += 3.0  # layer norm follows, so the others see it through attention
    assert not torch.allclose(backbone(batch).patches, before)
    assert "layoutlmv3.pos_embed" not in dict(small(image_position="none").build(120, 1).named_parameters())


def test_rows_for_another_image_size_follow_a_smooth_table() -> None:
    ramp = torch.linspace(0, 1, 16).view(1, 16, 1).expand(-1, -1, 3)
    assert resized_axis(ramp, 16) is ramp
    wide = resized_axis(ramp, 32)
    assert wide.shape == (1, 32, 3)
    places = (torch.arange(32) + 0.5) / 2 - 0.5  # of the new rows among the old ones
    torch.testing.assert_close(wide[0, 4:-4, 0], places[4:-4] / 15, rtol=0, atol=5e-3)


def test_the_text_side_learns_at_a_rate_of_its_own(small: Callable[..., Any]) -> None:
    backbone = small().build(120, 1)
    freeze(backbone, ["encoder.layer.0"])
    groups = parameter_groups(backbone, 0.01, text_parameters(backbone), 1e-5)
    names = {id(weight): name.removeprefix("layoutlmv3.") for name, weight in backbone.named_parameters()}
    assert [(group.get("lr"), group["weight_decay"]) for group in groups] == [
        (None, 0.01),
        (None, 0.0),
        (1e-5, 0.01),
        (1e-5, 0.0),
    ]
    slow = {names[id(weight)] for group in groups[2:] for weight in group["params"]}
    fast = {names[id(weight)] for group in groups[:2] for weight in group["params"]}
    assert slow | fast == {name for name in names.values() if not name.startswith("encoder.layer.0.")}
    assert all(name.startswith(backbone.text_side) for name in slow)
    assert {"cls_token", "embeddings.x_position_embeddings.weight", "encoder.rel_pos_bias.weight"} <= fast


def test_a_model_without_a_text_side_has_no_rate_for_it(small: Callable[..., Any]) -> None:
    class Own(type(small().build(120, 1))):
        text_side = ()

    with pytest.raises(DocexpError, match="text_lr_factor has no effect: Own has no text side"):
        text_parameters(Own(small(), 120, 1))


def test_old_values_of_new_settings_leave_an_identity_as_it_was() -> None:
    from docexp.runs.identity import identity

    plain = check(compose(["model=layoutlmv3_tiny"])).plain
    extras = {"data": "d", "tokenizer": "t"}
    for group, names in {
        "model": (
            "bias_1d bias_2d image_position valid_span pyramid attention_softmax freeze allow_missing "
            "allow_unexpected resize_vocabulary licence"
        ),
        "optim": "text_lr_factor",
    }.items():
        older = {**plain, group: {key: value for key, value in plain[group].items() if key not in names.split()}}
        assert len(older[group]) == len(plain[group]) - len(names.split())
        assert identity(older, extras) == identity(plain, extras)
    changed = {**plain, "model": {**plain["model"], "licence": "other terms"}}
    assert identity(changed, extras) == identity(plain, extras)
    changed = {**plain, "model": {**plain["model"], "bias_1d": False}}
    assert identity(changed, extras) != identity(plain, extras)
