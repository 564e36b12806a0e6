"""What can be chosen, what is refused, and how large the shipped flavours are."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.layoutlmv3 import LayoutLMv3Settings

torch.set_num_threads(1)

FLAVOURS = Path(__file__).resolve().parents[2] / "conf" / "model"


def flavour(name: str) -> LayoutLMv3Settings:
    values = yaml.safe_load((FLAVOURS / f"layoutlmv3_{name}.yaml").read_text())
    assert values.pop("_target_") == "docexp.models.layoutlmv3.LayoutLMv3Settings"
    return LayoutLMv3Settings(**values)


@pytest.mark.parametrize(
    ("name", "vocab_size", "parameters"),
    [
        ("tiny", 4096, 1_062_272),
        ("small", 16384, 17_772_736),
        ("base", 50265, 125_326_976),
        ("large", 50265, 356_005_376),
    ],
)
def test_flavours_have_their_size(name: str, vocab_size: int, parameters: int) -> None:
    with torch.device("meta"):
        model = flavour(name).build(vocab_size, pad_token_id=1)
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert all(weight.is_meta for weight in model.parameters())
    said = (FLAVOURS / f"layoutlmv3_{name}.yaml").read_text()
    assert f"{parameters / 1e6:.1f}M" in said


def test_the_smallest_flavour_reads_512_tokens_and_an_image(make_batch: Callable[..., Batch]) -> None:
    model = flavour("tiny").build(4096, 1)
    encoded = model(make_batch((512, 40), image_size=224))
    assert encoded.text.shape == (2, 512, 128) and encoded.patches.shape == (2, 196, 128)
    encoded.text.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_settings_bring_no_torch() -> None:
    program = "import docexp.models.layoutlmv3, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_encoder_gives_what_the_model_reads() -> None:
    from tokenizers import pre_tokenizers

    from docexp.inputs.byte_level_bpe import ByteLevelBPE
    from docexp.inputs.roberta_tokens import SPECIAL_TOKENS

    alphabet = [*SPECIAL_TOKENS, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = ByteLevelBPE({token: number for number, token in enumerate(alphabet)}, ())
    encoder = LayoutLMv3Settings(image="none", layout=False, max_tokens=100).encoder(tokenizer, "line", 10)
    assert (encoder.box_level, encoder.max_tokens, encoder.stride) == ("line", 100, 10)
    assert (encoder.image_size, encoder.layout, encoder.text) == (None, False, True)
    assert LayoutLMv3Settings(image_size=96).encoder(tokenizer, "word", 10).image_size == 96


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": "patch"}, r"image=patch is none of patches, none\. Nearest: patches\."),
        ({"rel_pos_init": "near"}, r"rel_pos_init=near is none of normal, local"),
        ({"text": False, "image": "none"}, r"text=false with image=none leaves nothing"),
        ({"heads": 7}, r"hidden_size=768 must be a multiple of heads=7"),
        ({"heads": 0}, r"heads=0 must be at least 1"),
        ({"shape_size": 100}, r"4 × coordinate_size=128 \+ 2 × shape_size=100 is 712; it must be hidden_size=768"),
        ({"image_size": 200}, r"image_size=200 must be a multiple of patch_size=16"),
        ({"max_tokens": 2}, r"max_tokens=2 must be at least 3"),
        ({"dropout": 1.0}, r"dropout=1.0 must be at least 0 and below 1"),
        ({"layer_norm_eps": 0.0}, r"layer_norm_eps=0.0 must be above 0"),
        ({"rel_pos_bins": 30}, r"rel_pos_bins=30 must be a multiple of 4"),
        ({"rel_2d_pos_max": 16}, r"rel_2d_pos_max=16 must be above 16, a quarter of rel_2d_pos_bins=64"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        LayoutLMv3Settings(**values)
