"""LayoutLMv2's visual backbone: published names and shapes, what is frozen, what it computes."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from docexp.models.layoutlmv2.backbone import visual_flops
from docexp.models.layoutlmv2.visual import (
    PIXEL_MEAN,
    PIXEL_STD,
    Bottleneck,
    FrozenBatchNorm,
    NormedConvolution,
    Pyramid,
    VisualBackbone,
    VisualShape,
    _pooled,
)

torch.set_num_threads(1)

TINY = VisualShape(blocks=(1, 1, 1, 1), groups=2, group_width=2, stem=4, width=8, channels=6)
READ_BY_NOTHING = {f"backbone.fpn_output{level}.{kind}" for level in (3, 4, 5) for kind in ("weight", "bias")}


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 255


@pytest.mark.golden
def test_every_name_and_shape_is_detectron2s(golden: Path) -> None:
    """The list was made by instantiating detectron2's own classes under the authors' configuration."""
    expected = json.loads((golden / "resnext_fpn_names" / "names_shapes.json").read_text())
    with torch.device("meta"):
        visual = VisualBackbone(VisualShape())
    found = visual.state_dict(prefix="layoutlmv2.visual.")
    assert {entry["name"]: entry["shape"] for entry in expected} == {n: list(t.shape) for n, t in found.items()}
    parameters = dict(visual.named_parameters(prefix="layoutlmv2.visual"))
    assert {entry["name"] for entry in expected if entry["kind"] == "parameter"} == parameters.keys()
    trainable = {entry["name"] for entry in expected if entry.get("trainable")}
    unread = {f"layoutlmv2.visual.{name}" for name in READ_BY_NOTHING}
    assert {name for name, weight in parameters.items() if weight.requires_grad} == trainable - unread


@pytest.mark.golden
def test_every_convolution_is_detectron2s(golden: Path) -> None:
    facts = json.loads((golden / "resnext_fpn_names" / "facts.json").read_text())
    with torch.device("meta"):
        visual = VisualBackbone(VisualShape())
    parts = dict(visual.backbone.named_modules())
    for fact in facts["convs"]:
        part = parts[fact["name"]]
        assert isinstance(part, torch.nn.Conv2d)
        found = {key: list(getattr(part, f"{key}_size" if key == "kernel" else key)) for key in ("kernel", "stride")}
        assert found == {"kernel": fact["kernel"], "stride": fact["stride"]}
        assert list(part.padding) == fact["padding"] and list(part.dilation) == fact["dilation"]
        assert part.groups == fact["groups"] and (part.bias is not None) == fact["bias"]
        assert isinstance(part, NormedConvolution) == (fact["norm"] == "FrozenBatchNorm2d")
    assert sum(isinstance(part, torch.nn.Conv2d) for part in parts.values()) == len(facts["convs"])
    assert list(PIXEL_MEAN) == facts["pixel_mean"] and list(PIXEL_STD) == facts["pixel_std"]


def test_a_convolution_takes_its_norm_in_and_changes_nothing() -> None:
    layer = NormedConvolution(4, 6, 3, stride=2, groups=2).double()
    draw = torch.Generator().manual_seed(1)
    for name, buffer in layer.norm.named_buffers():
        buffer.copy_(torch.rand(buffer.shape, generator=draw) + (0.5 if "var" in name else -0.5))
    given = images(2, 4, 9, 9).double()
    norm = layer.norm
    plain = F.conv2d(given, layer.weight, None, 2, 1, 1, 2)
    expected = F.batch_norm(plain, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
    torch.testing.assert_close(layer(given), expected, rtol=1e-12, atol=1e-12)


def test_a_fresh_norm_is_the_identity_and_has_nothing_to_train() -> None:
    scale, shift = FrozenBatchNorm(3).affine()
    torch.testing.assert_close(scale, torch.ones(3))
    assert not shift.any() and not list(FrozenBatchNorm(3).parameters())


@pytest.mark.parametrize("freeze_at", range(6))
def test_the_start_is_frozen_as_far_as_is_asked(freeze_at: int) -> None:
    visual = VisualBackbone(TINY, grid=2, freeze_at=freeze_at)
    stages = ["stem", "res2", "res3", "res4", "res5"]
    frozen = {name.split(".")[2] for name, weight in visual.named_parameters() if not weight.requires_grad}
    assert frozen - {"weight", "bias"} == set(stages[:freeze_at])
    visual(images(1, 3, 32, 32)).square().sum().backward()
    idle = {name for name, weight in visual.named_parameters() if weight.grad is None}
    assert idle - READ_BY_NOTHING == {n for n, _ in visual.named_parameters() if n.split(".")[2] in stages[:freeze_at]}


def test_a_frozen_backbone_keeps_nothing_for_the_backward_pass() -> None:
    visual = VisualBackbone(TINY, grid=2, train=False)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        cells = visual(images(1, 3, 32, 32))
    assert not kept and not cells.requires_grad


@pytest.mark.parametrize(("size", "grid"), [((56, 56), 7), ((16, 16), 7), ((24, 16), 7), ((8, 16), 4)])
def test_cells_are_means_row_by_row(size: tuple[int, int], grid: int) -> None:
    features = images(2, 3, *size).double()
    expected = F.adaptive_avg_pool2d(features, grid)
    torch.testing.assert_close(_pooled(features, grid), expected, rtol=1e-12, atol=1e-9)
    visual = VisualBackbone(TINY, grid=2).double()
    cells = visual(images(1, 3, 64, 64).double())
    finest = visual.backbone((images(1, 3, 64, 64).double() - visual.pixel_mean) / visual.pixel_std)
    assert cells.shape == (1, 4, 6)
    torch.testing.assert_close(cells[0, 1], finest[0, :, :8, 8:].mean(dim=(1, 2)))


def test_checkpointed_blocks_keep_less_and_give_the_same() -> None:
    found = []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        visual = VisualBackbone(VisualShape((2, 2, 2, 2), 2, 2, 4, 8, 6), grid=2, freeze_at=0)
        visual.backbone.bottom_up.checkpointed = checkpointed
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=kept: kept.append(t.numel()) or t, lambda t: t):
            cells = visual(images(1, 3, 64, 64))
        cells.square().sum().backward()
        found.append((cells, {n: w.grad for n, w in visual.named_parameters() if w.grad is not None}, sum(kept)))
    (plain, gradients, kept), (cells, others, fewer) = found
    assert torch.equal(plain, cells) and gradients.keys() == others.keys()
    assert all(torch.equal(gradients[name], others[name]) for name in gradients)
    assert fewer < kept / 1.5


def test_what_the_convolutions_cost() -> None:
    """By hand for one block and the stem of a tiny backbone; the whole of the published one by its known size."""
    shape = VisualShape(blocks=(1, 1, 1, 1), groups=1, group_width=1, stem=1, width=1, channels=1)
    stem = 2 * 16 * 16 * 1 * 3 * 49
    res2 = 2 * 8 * 8 * (1 + 9 + 1)  # no shortcut: as wide as the stem
    with torch.device("meta"):
        block = Pyramid(shape).bottom_up.res2[0]
    assert isinstance(block, Bottleneck) and block.shortcut is None
    rest = 0
    for side, wide in ((4, 2), (2, 4), (1, 8)):
        before, narrow = wide // 2, wide
        area = (2 * side) ** 2  # the first convolution still sees the finer grid
        rest += 2 * (area * before * narrow + side**2 * (9 * narrow * narrow + narrow * wide + before * wide))
    pyramid = 2 * (64 * 1 + 16 * 2 + 4 * 4 + 1 * 8 + 64 * 9)
    assert visual_flops(shape, 32, 32) == stem + res2 + rest + pyramid
    state = torch.get_rng_state()
    assert 30e9 < visual_flops(VisualShape(), 224, 224) < 45e9
    assert torch.equal(torch.get_rng_state(), state)  # asking draws nothing
