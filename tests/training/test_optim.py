"""Parameter groups, schedules and the loss scale."""

import math

import pytest
import torch

from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.training.loss_scale import global_counts, scaled
from docexp.training.optim import parameter_groups, schedule
from docexp.training.settings import AdamWSettings, SGDSettings


def test_biases_and_norms_are_not_decayed_and_every_parameter_is_in_one_group() -> None:
    settings = LayoutLMv3Settings(
        layers=1, heads=2, hidden_size=24, ffn_size=32, coordinate_size=4, shape_size=4, image_size=32
    )
    model = settings.build(50, 1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, kept = ([names[id(p)] for p in group["params"]] for group in parameter_groups(model, 0.01))
    assert sorted(decayed + kept) == sorted(n for n, p in model.named_parameters() if p.requires_grad)
    assert all(name.endswith("bias") or "norm" in name.lower() for name in kept)
    assert not [name for name in decayed if name.endswith(".bias") or "LayerNorm" in name]
    assert any("rel_pos_bias.weight" in name for name in decayed)
    assert [group["weight_decay"] for group in parameter_groups(model, 0.01)] == [0.01, 0.0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]),
        ("cosine", [0.0, 0.5, *[0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(8)]]),
        ("constant", [0.0, 0.5, *[1.0] * 8]),
    ],
)
def test_schedules_warm_up_and_decay(kind: str, expected: list[float]) -> None:
    settings = SGDSettings(lr=2.0, schedule=kind, warmup_fraction=0.2)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = settings.build([{"params": [parameter], "weight_decay": 0.0}])
    rates = schedule(optimizer, settings, max_steps=10)
    seen = []
    for _ in range(10):
        seen.append(optimizer.param_groups[0]["lr"] / 2.0)
        optimizer.step()
        rates.step()
    assert seen == pytest.approx(expected)


def test_fused_adamw_steps_as_the_plain_one() -> None:
    settings = AdamWSettings(lr=0.1)
    start = torch.randn(7, generator=torch.Generator().manual_seed(0))
    ours, plain = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizers = [
        settings.build([{"params": [ours], "weight_decay": 0.1}]),
        torch.optim.AdamW([plain], lr=0.1, weight_decay=0.1, foreach=False),
    ]
    for _ in range(3):
        for parameter, optimizer in zip((ours, plain), optimizers, strict=True):
            optimizer.zero_grad()
            (parameter**2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, plain)


def test_losses_are_divided_by_the_whole_steps_counts_and_none_gives_zero() -> None:
    counts = global_counts({"tags": 8.0, "masked": 0.0}, torch.device("cpu"))
    loss = scaled({"tags": torch.tensor(4.0), "masked": torch.tensor(0.0)}, counts)
    assert loss == 0.5
