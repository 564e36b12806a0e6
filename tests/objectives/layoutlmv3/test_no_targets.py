"""A step in which one objective has nothing to predict: it counts nothing, and the others count as ever."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.objectives.mim import MIMSettings
from docexp.objectives.mlm import MLMSettings
from docexp.objectives.pretraining import Pretraining
from docexp.objectives.wpa import WPASettings
from docexp.training.loss_scale import global_counts, scaled

torch.set_num_threads(1)

ALL = {"mlm": MLMSettings(weight=2.0), "mim": MIMSettings(target="pixels"), "wpa": WPASettings()}


@pytest.fixture
def batch(forms: Any, together: Callable[..., Any]) -> Batch:
    made = forms.batch(together(**ALL), [0, 1])
    assert all((target != IGNORED).any() for target in made.targets.values())
    return made


@pytest.fixture
def built(forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings) -> tuple[Pretraining, nn.Module]:
    torch.manual_seed(0)
    return together(**ALL).build(forms.given, model.hidden_size), model.build(300, 1)


def gradients(built: tuple[Pretraining, Any], batch: Batch, without: str = "") -> tuple[Tensor, dict[str, Tensor]]:
    """Of a step of this batch alone, ``without`` the loss of one objective: the loss, and all gradients there are."""
    pretraining, backbone = built
    found = pretraining.losses(pretraining.encode(backbone, batch), batch)
    loss = scaled(leave_out(found.sums, without), counts_of(batch), found.weights)
    both = nn.ModuleList([pretraining, backbone])
    both.zero_grad(set_to_none=True)
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in both.named_parameters() if p.grad is not None}


def counts_of(batch: Batch) -> dict[str, Tensor]:
    numbers = {name: float((target != IGNORED).sum()) for name, target in batch.targets.items()}
    return global_counts(numbers, torch.device("cpu"))


def leave_out(sums: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {other: value for other, value in sums.items() if other != name}


@pytest.mark.parametrize("empty", ALL)
def test_it_costs_nothing_and_moves_nothing(built: tuple[Pretraining, Any], batch: Batch, empty: str) -> None:
    pretraining, backbone = built
    nothing = replace(
        batch, targets={**batch.targets, empty: torch.full_like(batch.targets[empty], IGNORED)}, step_counts={}
    )
    losses = pretraining.losses(pretraining.encode(backbone, nothing), nothing)
    assert losses.sums[empty].item() == 0 and counts_of(nothing)[empty] == 0
    loss, found = gradients(built, nothing)
    assert torch.isfinite(loss) and all(torch.isfinite(grad).all() for grad in found.values())
    others, expected = gradients(built, batch, without=empty)
    assert loss == others
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    head = {name for name in found if name.startswith(f"0.objectives.{empty}.") and not name.endswith("mask_token")}
    assert head and not any(found[name].any() for name in {*head, *(found.keys() - expected.keys())})


def test_a_page_without_targets_is_scored_among_others(built: tuple[Pretraining, Any], batch: Batch) -> None:
    pretraining, backbone = built
    wpa = batch.targets["wpa"].clone()
    wpa[batch.owner[:, 0] == 0] = IGNORED
    with torch.no_grad():
        some = replace(batch, targets={**batch.targets, "wpa": wpa})
        encoded = pretraining.encode(backbone, some)
        found, whole = pretraining.decode(encoded, some), pretraining.decode(encoded, batch)
    assert found[0].predicted["wpa"] == {"loss": 0.0, "targets": 0.0, "hits": 0.0}
    assert found[1] == whole[1]
    assert "wpa/loss" not in pretraining.sample_scores(found[0]) and "mlm/loss" in pretraining.sample_scores(found[0])
    assert pretraining.scores(found)["wpa/loss"] == pretraining.scores(whole[1:])["wpa/loss"]
