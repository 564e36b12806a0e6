"""Frozen image tokenizers: codes that do not depend on company, and folders that are refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.objectives.image_tokenizer.images import tokenizer_pixels
from docexp.objectives.image_tokenizer.loading import load_image_tokenizer
from docexp.objectives.image_tokenizer.settings import DalleSettings, DiscreteVAESettings, TokenizerSettings
from docexp.objectives.image_tokenizer.tokenizer import AT_ONCE, ImageTokenizer, build_network

VAE = DiscreteVAESettings(vocabulary=40, codebook_dim=8, hidden_dim=8)
DALLE = DalleSettings(vocabulary=40, hidden=8, blocks=1, initial=8)


def made(settings: TokenizerSettings, seed: int = 0) -> ImageTokenizer:
    torch.manual_seed(seed)
    return ImageTokenizer(build_network(settings), settings)


def noise(images: int) -> torch.Tensor:
    return torch.randint(256, (images, 3, 32, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("settings", [VAE, DALLE])
def test_an_image_has_the_same_codes_alone_and_in_any_company(settings: TokenizerSettings) -> None:
    tokenizer, pixels = made(settings), noise(2 * AT_ONCE + 3)
    together = tokenizer.codes(pixels)
    assert together.shape == (len(pixels), 4, 6)
    assert together.dtype == torch.int64
    assert len(together.unique()) > 2
    for number in (0, 7, 8, len(pixels) - 1):
        assert torch.equal(tokenizer.codes(pixels[number : number + 1])[0], together[number])
    assert tokenizer.codes(pixels[:0]).shape == (0, 4, 6)


def test_codes_are_made_in_float32_under_autocast() -> None:
    tokenizer, pixels = made(VAE), noise(4)
    seen: list[torch.dtype] = []
    tokenizer.network.encoder.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = tokenizer.codes(pixels)
    assert seen == [torch.float32]
    assert torch.equal(inside, tokenizer.codes(pixels))


def test_it_is_frozen_and_in_nobodys_state_dict() -> None:
    class Owner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokenizer = made(VAE)

    owner = Owner()
    assert not owner.state_dict()
    assert not any(parameter.requires_grad for parameter in owner.tokenizer.network.parameters())


@pytest.mark.parametrize("settings", [VAE, DALLE])
def test_saved_and_loaded_it_gives_the_same_codes_and_checksum(settings: TokenizerSettings, tmp_path: Path) -> None:
    tokenizer = made(settings)
    tokenizer.save(tmp_path / "it")
    loaded = load_image_tokenizer(str(tmp_path / "it"))
    assert (loaded.checksum, loaded.vocabulary, loaded.factor) == (tokenizer.checksum, 40, 8)
    codes = tokenizer.codes(noise(3))
    assert torch.equal(loaded.codes(noise(3)), codes)
    images = loaded.images(codes)
    assert (images.shape, images.dtype) == ((3, 3, 32, 48), torch.uint8)


def test_the_checksum_knows_the_encoder_alone() -> None:
    tokenizer, other = made(VAE), made(VAE)
    nn.init.zeros_(other.network.decoder[-1].bias)
    assert other.checksum == tokenizer.checksum
    assert made(VAE, seed=1).checksum != tokenizer.checksum


def test_sides_that_codes_do_not_divide_are_refused() -> None:
    with pytest.raises(DocexpError, match="30 × 32 pixels does not divide into codes of 8"):
        made(VAE).codes(torch.zeros(1, 3, 30, 32, dtype=torch.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made(VAE).save(tmp_path / "it")
    return tmp_path / "it"


def refused(folder: Path, match: str) -> None:
    with pytest.raises(DocexpError, match=match):
        load_image_tokenizer(str(folder))


def test_folders_that_hold_no_image_tokenizer(folder: Path, tmp_path: Path) -> None:
    refused(tmp_path / "gone", "gone does not exist")
    refused(folder / "config.json", "is a file: give a folder")
    (folder / "config.json").write_text('{"model_type": "layoutlmv3"}')
    refused(folder, "model_type=layoutlmv3 is no image tokenizer, which are discrete_vae and dall_e")
    (folder / "config.json").write_text('{"model_type": "discrete_vae", "vocabulry": 40}')
    refused(folder, "discrete_vae has no vocabulry. Nearest: vocabulary")
    (folder / "config.json").write_text('{"model_type": "discrete_vae", "vocabulary": "many"}')
    refused(folder, "vocabulary='many' must be a whole number")
    (folder / "config.json").write_text('{"model_type": "discrete_vae", "vocabulary": 0}')
    refused(folder, "config.json: vocabulary=0 must be at least 1")
    (folder / "config.json").write_text("[")
    refused(folder, "config.json is no configuration")
    (folder / "config.json").unlink()
    refused(folder, "config.json is missing")


def test_weights_that_are_absent_cut_short_or_pickled(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    refused(folder, "model.safetensors is incomplete")
    weights.write_bytes(whole[:20])
    refused(folder, "does not open as safetensors")
    weights.unlink()
    refused(folder, "holds no weights")
    (folder / "encoder.pkl").write_bytes(b"")
    refused(folder, r"is a pickle \(encoder.pkl\), which can run code")


def test_weights_that_do_not_fit_the_configuration(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocabulary": 41}))
    refused(folder, r"codebook.weight is \[40, 8\], its config.json makes it \[41, 8\]; 3 tensors differ")
    (folder / "config.json").write_text(json.dumps(config))
    less = {name: tensor for name, tensor in tensors.items() if name != "encoder.0.0.bias"}
    save_file({**less, "extra": torch.zeros(1)}, folder / "model.safetensors")
    refused(folder, "lacks 1 tensors, such as encoder.0.0.bias and holds 1 that it should not, such as extra")


def page_of(image: Image.Image) -> Page:
    data = io.BytesIO()
    image.save(data, "PNG")
    boxes = np.zeros((0, 4), dtype=np.float64)
    return Page("p", float(image.width), float(image.height), (), boxes, image=data.getvalue())


def test_pixels_are_resized_by_lanczos_and_grey_becomes_three_channels() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8))
    pixels = tokenizer_pixels(page_of(image), 32)
    expected = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert (pixels.shape, pixels.dtype) == ((3, 32, 32), np.uint8)
    assert np.array_equal(pixels, expected)
