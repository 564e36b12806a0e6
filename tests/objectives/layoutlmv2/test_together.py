"""LayoutLMv2's three objectives at once, from pages to gradients and scores."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate, target_counts
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import IGNORED, Sample
from docexp.models.backbone import Backbone
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.objectives import PretrainingSettings
from docexp.objectives.mlm import MLMSettings
from docexp.objectives.pretraining import Pretraining
from docexp.objectives.tia import TIASettings
from docexp.objectives.tim import TIMSettings
from docexp.tasks.settings import Given

torch.set_num_threads(1)

OBJECTIVES = {
    "mvlm": MLMSettings(ratio=0.15, masking="tokens", mask_image=True),
    "tia": TIASettings(ratio=0.3),
    "tim": TIMSettings(replaced=0.3, dropped=0.2),
}

Make = Callable[..., SampleMaker]


@pytest.fixture
def samples(make: Make) -> list[Sample]:
    maker = make(**OBJECTIVES)
    made = [maker.training(row, 0) for row in range(6)]
    return [*made, replace(made[0], filler=True)]


@pytest.fixture
def batch(samples: list[Sample], given: Given) -> Batch:
    return collate(samples, given.tokenizer.pad_id)


@pytest.fixture
def built(model: LayoutLMv2Settings, given: Given) -> tuple[Backbone, Pretraining]:
    torch.manual_seed(0)
    settings = PretrainingSettings()
    settings.objectives = OBJECTIVES
    backbone = model.build(given.tokenizer.vocab_size, given.tokenizer.pad_id)
    return backbone, settings.build(given, backbone.hidden_size)


def test_the_image_is_chosen_before_it_is_painted_however_they_are_written() -> None:
    settings = PretrainingSettings()
    for names in itertools.permutations(OBJECTIVES):
        settings.objectives = {name: OBJECTIVES[name] for name in names}
        assert settings.order == ["tim", "mvlm", "tia"]


def test_a_filler_counts_nowhere(samples: list[Sample], batch: Batch, built: tuple[Backbone, Pretraining]) -> None:
    backbone, task = built
    assert {name: tuple(target.shape) for name, target in batch.targets.items()} == {
        "mvlm": tuple(batch.input_ids.shape),
        "tia": tuple(batch.input_ids.shape),
        "tim": (7,),
    }
    assert all((target[-1] == IGNORED).all() for target in batch.targets.values())
    assert target_counts(samples) == {n: float((t != IGNORED).sum()) for n, t in batch.targets.items()}
    assert target_counts(samples)["tim"] == 6
    with torch.no_grad():
        predictions = task.decode(task.encode(backbone, batch), batch)
    assert [prediction.key for prediction in predictions] == [sample.key for sample in samples[:-1]]
    assert (task.flops(batch)[:-1] > 0).all() and task.flops(batch)[-1] == 0


def test_losses_are_those_of_the_targets_and_the_baseline_is_the_entropy_of_their_classes(
    batch: Batch, built: tuple[Backbone, Pretraining]
) -> None:
    backbone, task = built
    with torch.no_grad():
        encoded = task.encode(backbone, batch)
        predictions = task.decode(encoded, batch)
    losses = task.losses(encoded, batch)
    heads = task.objectives
    for name, logits in {
        "tim": heads["tim"].classifier(encoded.pooled),
        "tia": heads["tia"].classifier(encoded.text).flatten(0, 1),
    }.items():
        target = batch.targets[name].flatten()
        expected = torch.nn.functional.cross_entropy(logits, target, ignore_index=IGNORED, reduction="sum")
        torch.testing.assert_close(losses.sums[name], expected)
        hits = ((logits.argmax(dim=-1) == target) & (target != IGNORED)).sum()
        assert losses.hits[name] == hits
    baseline = task.baseline(predictions)
    for name in ("tim", "tia"):
        share = (batch.targets[name] == 1).sum() / (batch.targets[name] != IGNORED).sum()
        assert 0 < share < 1
        entropy = -(share * math.log(share) + (1 - share) * math.log(1 - share))
        assert baseline[f"{name}/loss"] == pytest.approx(float(entropy), abs=1e-5)
        assert baseline[f"{name}/accuracy"] == pytest.approx(float(max(share, 1 - share)))


def test_every_trainable_parameter_gets_a_gradient(batch: Batch, built: tuple[Backbone, Pretraining]) -> None:
    backbone, task = built
    sum(task.losses(task.encode(backbone, batch), batch).sums.values()).backward()
    named = [*backbone.named_parameters(), *task.named_parameters()]
    assert not [name for name, weight in named if weight.requires_grad and weight.grad is None]
    for head in ("tim.classifier", "tia.classifier", "mvlm.decoder"):
        assert task.get_parameter(f"objectives.{head}.weight").grad.abs().sum() > 0
