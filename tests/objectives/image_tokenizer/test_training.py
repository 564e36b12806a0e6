"""The image tokenizer in training: its temperature, its gradients, and what it does when it is scored."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.random_batch import random_batch
from docexp.objectives.image_tokenizer.annealing import temperature_at
from docexp.objectives.image_tokenizer.backbone import ImageTokenizerBackbone
from docexp.objectives.image_tokenizer.model_settings import ImageTokenizerSettings

SIZES = {"vocabulary": 24, "codebook_dim": 6, "hidden_dim": 8, "image_size": 32}
SMALL = ImageTokenizerSettings(**SIZES)


def made(settings: ImageTokenizerSettings = SMALL) -> ImageTokenizerBackbone:
    torch.manual_seed(0)
    return settings.build(1, 0)


@pytest.fixture
def batch() -> Batch:
    return random_batch((2, 2, 2), vocab_size=9, image_size=32)


def test_the_temperature_is_that_of_a_loop_which_lowers_it_every_100_steps() -> None:
    temperature, rate = 1.0, 1e-5
    for step in range(1500):
        if step and step % 100 == 0:
            temperature = max(temperature * math.exp(-rate * step), 0.05)
        assert temperature_at(step, 1.0, 0.05, rate) == pytest.approx(temperature, rel=1e-12)
    assert temperature == pytest.approx(math.exp(-rate * 100 * 14 * 15 / 2))
    assert temperature_at(10**6, 1.0, 0.05, rate) == 0.05


def test_every_step_sets_its_own_temperature_whatever_came_before() -> None:
    backbone = made(replace(SMALL, temperature=2.0, min_temperature=0.5, anneal_rate=0.01))
    backbone.begin_step(150)
    assert backbone.temperature == pytest.approx(2 * math.exp(-1))
    backbone.begin_step(5000)
    assert backbone.temperature == 0.5
    backbone.begin_step(0)
    assert backbone.temperature == 2.0


def test_training_draws_codes_and_reaches_every_parameter(batch: Batch) -> None:
    backbone = made().train()
    torch.manual_seed(1)
    first, second = (backbone(batch).reconstruction for _ in range(2))
    torch.manual_seed(1)
    again = backbone(batch).reconstruction
    assert first is not None and second is not None and again is not None
    assert first.shape == (3, 3, 32, 32)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    first.square().mean().backward()
    assert not [name for name, parameter in backbone.named_parameters() if parameter.grad is None]


def test_a_lower_temperature_comes_nearer_to_a_single_code(batch: Batch) -> None:
    backbone = made().train()

    def distance(step_temperature: float) -> float:
        backbone.temperature = step_temperature
        torch.manual_seed(1)
        encoded = backbone(batch)
        assert encoded.reconstruction is not None and encoded.code_logits is not None
        torch.manual_seed(1)
        noise = -torch.empty_like(encoded.code_logits).exponential_().log()
        drawn = backbone.vae.decode((encoded.code_logits + noise).argmax(dim=1))
        return float((encoded.reconstruction - drawn).detach().abs().max())

    assert distance(1e-3) < 1e-4 < distance(1.0)


def test_an_evaluation_takes_the_likeliest_code(batch: Batch) -> None:
    backbone = made().eval()
    encoded = backbone(batch)
    assert encoded.code_logits is not None and encoded.reconstruction is not None
    assert encoded.code_logits.shape == (3, 24, 4, 4)
    expected = backbone.vae.decode(encoded.code_logits.argmax(dim=1))
    assert torch.equal(encoded.reconstruction, expected)


def gradients(backbone: ImageTokenizerBackbone, batch: Batch) -> dict[str, Tensor]:
    torch.manual_seed(1)
    encoded = backbone.train()(batch)
    assert encoded.reconstruction is not None
    encoded.reconstruction.square().mean().backward()
    return {name: weight.grad for name, weight in backbone.named_parameters() if weight.grad is not None}


def test_activations_computed_again_give_the_same_gradients(batch: Batch) -> None:
    kept, again = made(), made()
    again.checkpoint_activations()
    expected, found = gradients(kept, batch), gradients(again, batch)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_flops_are_those_that_torch_counts(batch: Batch) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    backbone = made().eval()
    with FlopCounterMode(display=False) as counter:
        backbone(batch)
    assert backbone.work(batch).flops.tolist() == [counter.get_total_flops() / 3] * 3


def test_sizes_that_cannot_be() -> None:
    with pytest.raises(DocexpError, match="image_size=30 must be a multiple of 8"):
        ImageTokenizerSettings(image_size=30)
    with pytest.raises(DocexpError, match=r"min_temperature=2\.0 is above temperature=1.0"):
        ImageTokenizerSettings(min_temperature=2.0)
