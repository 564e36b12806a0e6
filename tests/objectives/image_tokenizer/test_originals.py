"""Both image tokenizers against numbers that the authors' own code gave."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from docexp.objectives.image_tokenizer.dalle import Dalle
from docexp.objectives.image_tokenizer.discrete_vae import (
    DiscreteVAE,
    divergence_from_uniform,
    mixed_codes,
    reconstruction_errors,
)
from docexp.objectives.image_tokenizer.sizes import DalleSize, DiscreteVAESize

KL_WEIGHT, TEMPERATURE = 0.3, 0.9


@pytest.fixture(scope="module")
def numbers(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "dvae" / "dvae.npz") as file:
        return dict(file)


@pytest.fixture
def customized(golden: Path) -> DiscreteVAE:
    model = DiscreteVAE(DiscreteVAESize(vocabulary=48, code_dim=20, width=12))
    model.load_state_dict(load_file(golden / "dvae" / "customized_tiny.weights.safetensors"))
    return model


def close(found: torch.Tensor, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.golden
def test_the_discrete_vae_of_dit(customized, numbers):
    images = torch.from_numpy(numbers["customized/images"])
    logits = customized.logits(images)
    close(logits, numbers["customized/logits"])
    codes = customized.codes(images)
    assert (codes.numpy() == numbers["customized/codebook_indices"]).all()
    close(customized.decode(codes), numbers["customized/decoded_from_indices"])
    mixed = mixed_codes(logits, torch.from_numpy(numbers["customized/gumbel_noise"]), TEMPERATURE)
    decoded = customized.decode_mixed(mixed)
    close(decoded, numbers["customized/reconstruction"])
    loss = reconstruction_errors(images, decoded).mean() + KL_WEIGHT * divergence_from_uniform(logits).sum()
    close(loss, numbers["customized/loss"])
    loss.backward()
    wanted = {name.removeprefix("customized/grad/"): grad for name, grad in numbers.items() if "/grad/" in name}
    assert wanted.keys() == dict(customized.named_parameters()).keys()
    for name, parameter in customized.named_parameters():
        assert parameter.grad is not None
        close(parameter.grad, wanted[name])


@pytest.mark.golden
def test_dall_e(numbers):
    def half(name: str) -> dict[str, torch.Tensor]:
        quantised = {key.split("/q/")[1]: key for key in numbers if key.startswith(f"dalle/{name}/q/")}
        return {
            f"{name}.{key}": torch.from_numpy(
                np.ldexp(numbers[place].astype(np.float32), -numbers[place.replace("/q/", "/exponent/")])
            ).float()
            for key, place in quantised.items()
        }

    model = Dalle(DalleSize(vocabulary=512, width=64, blocks=1, code_dim=8))
    model.load_state_dict(half("encoder") | half("decoder"))
    shares = torch.from_numpy(numbers["dalle/images_0_1"])
    with torch.no_grad():
        images = model.normalised(shares * 255)
        close(model.logits(images), numbers["dalle/logits"])
        codes = model.codes(images)
        assert (codes.numpy() == numbers["dalle/indices"]).all()
        close(model.decode(codes), numbers["dalle/decoder_output"])


@pytest.mark.golden
def test_full_size_names_and_shapes(golden):
    described = json.loads((golden / "dvae" / "architecture.json").read_text())
    with torch.device("meta"):
        vae, dalle = DiscreteVAESize().build(), DalleSize().build()
    wanted = {
        f"{half}.{each['name']}": each["shape"]
        for half in ("encoder", "decoder")
        for each in described["dall_e_default"][half]["parameters"]
    }
    assert {name: list(value.shape) for name, value in dalle.state_dict().items()} == wanted
    wanted = {each["name"]: each["shape"] for each in described["customized"]["parameters_112_l3_8192_512_256"]}
    assert {name: list(value.shape) for name, value in vae.state_dict().items()} == wanted


def test_straight_through_mixes_one_code_and_keeps_the_gradients():
    torch.manual_seed(0)
    logits, noise = torch.randn(2, 5, 3, 3, requires_grad=True), torch.randn(2, 5, 3, 3)
    soft = mixed_codes(logits, noise, 0.7)
    hard = mixed_codes(logits, noise, 0.7, straight_through=True)
    assert torch.allclose(hard.sum(dim=1), torch.ones(2, 3, 3)) and torch.allclose(
        hard.amax(dim=1), torch.ones(2, 3, 3)
    )
    assert (hard.argmax(dim=1) == (logits + noise).argmax(dim=1)).all()
    weight = torch.randn(2, 5, 3, 3)
    grads = [torch.autograd.grad((weight * shares).sum(), logits, retain_graph=True)[0] for shares in (soft, hard)]
    assert torch.allclose(*grads)


def test_the_divergence_is_nothing_for_uniform_codes_and_all_of_log_v_for_certain_ones():
    flat, certain = torch.zeros(1, 16, 2, 2), torch.zeros(1, 16, 2, 2)
    certain[:, 3] = 50
    assert divergence_from_uniform(flat).item() == pytest.approx(0, abs=1e-5)
    assert divergence_from_uniform(certain).item() == pytest.approx(4 * np.log(16), rel=1e-5)
