"""Codes are the same whatever is computed beside them, and folders that are damaged are refused by name."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from docexp.documents.page import Page, PageError
from docexp.errors import DocexpError
from docexp.objectives.image_tokenizer.images import tokenizer_pixels
from docexp.objectives.image_tokenizer.load import load_image_tokenizer


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.randint(0, 256, (5, 3, 48, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_codes_of_an_image_alone_are_those_among_others(tokenizer, pictures):
    codes = tokenizer.codes(pictures)
    assert codes.shape == (5, 6, 8) and codes.dtype == torch.int64
    assert codes.min() >= 0 and codes.max() < tokenizer.vocabulary and len(codes.unique()) > 5
    for number in range(5):
        assert (tokenizer.codes(pictures[number : number + 1])[0] == codes[number]).all()
    with torch.autocast("cpu", torch.bfloat16):
        assert (tokenizer.codes(pictures) == codes).all()
    assert tokenizer.codes(pictures[:0]).shape == (0, 6, 8)


def test_the_number_of_threads_is_as_it_was(tokenizer, pictures):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        tokenizer.codes(pictures)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_codes_become_pixels_again(tokenizer, pictures):
    pixels = tokenizer.pixels(tokenizer.codes(pictures))
    assert pixels.shape == pictures.shape and pixels.dtype == torch.uint8 and len(pixels.unique()) > 5


def test_pixels_that_do_not_fit_are_refused(tokenizer, pictures):
    with pytest.raises(ValueError, match="multiples of 8"):
        tokenizer.codes(pictures[..., :-4])
    with pytest.raises(ValueError, match="uint8"):
        tokenizer.codes(pictures.float())


def test_saved_and_loaded_it_is_the_same(tokenizer, pictures, tmp_path):
    tokenizer.save(tmp_path / "folder")
    loaded = load_image_tokenizer(str(tmp_path / "folder"))
    assert loaded.checksum == tokenizer.checksum and loaded.size == tokenizer.size
    assert (loaded.codes(pictures) == tokenizer.codes(pictures)).all()


def test_the_checksum_tells_weights_and_configurations_apart(make, tmp_path):
    checksums = {make(kind, seed).checksum for kind in ("discrete_vae", "dall_e") for seed in (0, 1)}
    assert len(checksums) == 4
    assert make("dall_e", 1).checksum in checksums


def harmed(folder, harm: str) -> None:
    config, weights = folder / "config.json", folder / "model.safetensors"
    tensors = load_file(weights)
    name = next(name for name in tensors if name.endswith((".weight", ".w")))
    if harm == "no config":
        config.unlink()
    elif harm == "no json":
        config.write_text("{")
    elif harm == "another model":
        config.write_text('{"model_type": "layoutlmv3"}')
    elif harm == "strange entry":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"widht": 8}))
    elif harm == "no number":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"width": "8"}))
    elif harm == "no weights":
        weights.unlink()
    elif harm == "cut off":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif harm == "pickle":
        weights.unlink()
        torch.save({"weights": tensors}, folder / "pytorch_model.bin")
    elif harm == "other size":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"vocabulary": 200}))
    elif harm == "a tensor less":
        save_file({key: value for key, value in tensors.items() if key != name}, weights)
    elif harm == "a tensor more":
        save_file(tensors | {"head.weight": tensors[name].clone()}, weights)
    elif harm == "whole numbers":
        save_file(tensors | {name: tensors[name].int()}, weights)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("no config", r'has no config\.json.*"model_type": "discrete_vae"'),
        ("no json", r"config\.json is no configuration"),
        ("another model", r"config\.json describes layoutlmv3, which is no image tokenizer"),
        ("strange entry", r"config\.json: .*widht.*Nearest: width"),
        ("no number", r"config\.json: width=8 must be a whole number"),
        ("no weights", "holds no weights"),
        ("cut off", r"model\.safetensors is incomplete: .* of .* bytes"),
        ("pickle", r"pytorch_model\.bin is a pickle, which can run code"),
        ("other size", r"is \[300, .*by its config\.json it should be \[200, "),
        ("a tensor less", "lacks "),
        ("a tensor more", r"holds what no .* of this size has: head\.weight"),
        ("whole numbers", r"holds torch\.int32"),
    ],
)
def test_a_damaged_folder_is_refused(tokenizer, tmp_path, harm, said):
    tokenizer.save(tmp_path / "folder")
    harmed(tmp_path / "folder", harm)
    with pytest.raises(DocexpError, match=said):
        load_image_tokenizer(str(tmp_path / "folder"))


def test_a_place_that_is_none_is_refused(tmp_path):
    with pytest.raises(DocexpError, match="no folder"):
        load_image_tokenizer(str(tmp_path / "nowhere"))


def page(image: bytes | None) -> Page:
    return Page(id="p", document_id="p", width=90, height=70, words=(), word_boxes=np.zeros((0, 4)), image=image)


def test_page_images_are_resized_by_lanczos():
    values = np.random.default_rng(0).integers(0, 255, (70, 90), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(values).save(data, "PNG")
    pixels = tokenizer_pixels(page(data.getvalue()), 32)
    wanted = Image.fromarray(values).convert("RGB").resize((32, 32), Image.Resampling.LANCZOS)
    assert pixels.shape == (3, 32, 32) and (pixels.transpose(1, 2, 0) == np.asarray(wanted)).all()
    with pytest.raises(PageError, match="page p has no image"):
        tokenizer_pixels(page(None), 32)
