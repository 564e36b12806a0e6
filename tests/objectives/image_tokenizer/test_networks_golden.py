"""Both kinds of image tokenizer against the original authors' numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from docexp.objectives.image_tokenizer.dalle import DalleVAE
from docexp.objectives.image_tokenizer.discrete_vae import DiscreteVAE, uniform_divergence
from docexp.objectives.image_tokenizer.settings import DalleSettings, DiscreteVAESettings

pytestmark = pytest.mark.golden
SMALL = DiscreteVAESettings(vocabulary=48, codebook_dim=20, hidden_dim=12)


@pytest.fixture(scope="module")
def record(golden: Path) -> dict[str, Tensor]:
    with np.load(golden / "dvae" / "dvae.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture
def customized(golden: Path) -> DiscreteVAE:
    network = DiscreteVAE(SMALL)
    network.load_state_dict(load_file(golden / "dvae" / "customized_tiny.weights.safetensors"))
    return network


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_logits_codes_and_images_of_codes(customized: DiscreteVAE, record: dict[str, Tensor]) -> None:
    logits = customized.logits(record["customized/images"])
    close(logits, record["customized/logits"])
    codes = record["customized/codebook_indices"]
    assert torch.equal(logits.argmax(dim=1), codes)
    close(customized.decode(codes), record["customized/decoded_from_indices"])


def test_loss_and_gradients_under_the_recorded_noise(customized: DiscreteVAE, record: dict[str, Tensor]) -> None:
    images = record["customized/images"]
    logits = customized.logits(images)
    made = customized.soft(logits, 0.9, record["customized/gumbel_noise"])
    close(made, record["customized/reconstruction"])
    loss = F.mse_loss(made, images) + 0.3 * uniform_divergence(logits).sum()
    close(loss, record["customized/loss"])
    loss.backward()
    for name, parameter in customized.named_parameters():
        assert parameter.grad is not None, name
        close(parameter.grad, record[f"customized/grad/{name}"])


def dalle_weights(record: dict[str, Tensor], half: str) -> dict[str, Tensor]:
    start = f"dalle/{half}/q/"
    names = [name.removeprefix(start) for name in record if name.startswith(start)]
    return {name: record[start + name].float() * 2.0 ** -record[f"dalle/{half}/exponent/{name}"] for name in names}


def test_dalle(record: dict[str, Tensor]) -> None:
    network = DalleVAE(DalleSettings(vocabulary=512, hidden=64, blocks=1, initial=8))
    network.encoder.load_state_dict(dalle_weights(record, "encoder"))
    network.decoder.load_state_dict(dalle_weights(record, "decoder"))
    logits = network.logits(0.8 * record["dalle/images_0_1"] + 0.1)
    close(logits, record["dalle/logits"])
    close(network.statistics(logits.argmax(dim=1)), record["dalle/decoder_output"])


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_dalle_at_full_size_has_the_original_names_and_shapes(golden: Path, half: str) -> None:
    entries = json.loads((golden / "dvae" / "architecture.json").read_text())["dall_e_default"][half]["parameters"]
    with torch.device("meta"):
        own = getattr(DalleVAE(DalleSettings()), half)
    assert {name: list(p.shape) for name, p in own.named_parameters()} == {e["name"]: e["shape"] for e in entries}


def test_customized_at_full_size_has_the_original_names_and_shapes(golden: Path) -> None:
    entries = json.loads((golden / "dvae" / "architecture.json").read_text())["customized"]
    with torch.device("meta"):
        own = DiscreteVAE(DiscreteVAESettings())
    expected = {e["name"]: e["shape"] for e in entries["parameters_112_l3_8192_512_256"]}
    assert {name: list(p.shape) for name, p in own.named_parameters()} == expected
