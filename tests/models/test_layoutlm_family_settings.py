"""LayoutLM, LayoutLMv2 and LayoutXLM: what can be chosen, what is refused, how large the shipped flavours are."""

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
from docexp.inputs.word_piece import SPECIAL_TOKENS, WordPiece
from docexp.models.layoutlm import LayoutLMSettings
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.models.layoutxlm import LayoutXLMSettings
from docexp.models.transformer_settings import TransformerSettings

torch.set_num_threads(1)

CONF = Path(__file__).resolve().parents[2] / "conf" / "model"
FAMILIES = {"layoutlm": LayoutLMSettings, "layoutlmv2": LayoutLMv2Settings, "layoutxlm": LayoutXLMSettings}
POOLER = {768: 768 * 768 + 768, 1024: 1024 * 1024 + 1024}


def flavour(name: str) -> TransformerSettings:
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    family = FAMILIES[name.split("_", maxsplit=1)[0]]
    assert values.pop("_target_") == f"docexp.models.{name.split('_', maxsplit=1)[0]}.{family.__name__}"
    return family(**values)


@pytest.mark.parametrize(
    ("name", "vocab_size", "parameters"),
    [
        ("layoutlm_tiny", 4096, 1_379_584),
        ("layoutlm_base", 30522, 112_037_376),
        ("layoutlm_large", 30522, 338_286_592),
        ("layoutlmv2_tiny", 4096, 1_154_672),
        ("layoutlmv2_base", 30522, 199_491_392),
        ("layoutlmv2_large", 30522, 424_942_272),
        ("layoutxlm_tiny", 4096, 1_154_288),
        ("layoutxlm_base", 250002, 368_059_328),
    ],
)
def test_flavours_have_their_size(name: str, vocab_size: int, parameters: int) -> None:
    with torch.device("meta"):
        model = flavour(name).build(vocab_size, pad_token_id=1)
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert all(weight.is_meta for weight in model.parameters())
    assert f"{parameters / 1e6:.1f}M" in (CONF / f"{name}.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "published"),
    [("layoutlm_base", 113), ("layoutlmv2_base", 200), ("layoutlmv2_large", 426)],
)
def test_with_a_pooler_they_have_the_size_that_the_papers_state(name: str, published: int) -> None:
    with torch.device("meta"):
        model = flavour(name).build(30522, pad_token_id=0)
    size = sum(weight.numel() for weight in model.parameters()) + POOLER[model.hidden_size]
    assert round(size / 1e6) == published


@pytest.mark.parametrize("name", ["layoutlm_tiny", "layoutlmv2_tiny", "layoutxlm_tiny"])
def test_the_smallest_flavours_read_512_tokens(name: str, make_batch: Callable[..., Batch]) -> None:
    settings = flavour(name)
    model = settings.build(4096, 1)
    encoded = model(make_batch((512, 40), image_size=settings.image_side))
    assert encoded.text.shape == (2, 512, 128)
    encoded.text.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_bring_no_torch(family: str) -> None:
    program = f"import docexp.models.{family}, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_encoder_gives_what_the_model_reads() -> None:
    tokenizer = WordPiece({token: number for number, token in enumerate(SPECIAL_TOKENS)})
    for family in FAMILIES.values():
        encoder = family(max_tokens=100, layout=False).encoder(tokenizer, "line", 10)
        assert (encoder.box_level, encoder.max_tokens, encoder.stride) == ("line", 100, 10)
        assert not encoder.layout and encoder.closing == 1000
        assert encoder.image_size == (None if family is LayoutLMSettings else 224)
    assert LayoutLMv2Settings(image_size=96).encoder(tokenizer, "word", 10).image_size == 96
    assert LayoutLMv2Settings(image="none").encoder(tokenizer, "word", 10).image_size is None


def test_layoutxlm_differs_from_layoutlmv2_in_what_its_published_configuration_says() -> None:
    with torch.device("meta"):
        v2, xlm = (family().build(120, 1).config for family in (LayoutLMv2Settings, LayoutXLMSettings))
    theirs = {key: value for key, value in xlm.to_dict().items() if v2.to_dict()[key] != value}
    assert theirs == {
        "fast_qkv": False,
        "has_relative_attention_bias": False,
        "has_spatial_attention_bias": False,
        "has_visual_segment_embedding": True,
        "layer_norm_eps": 1e-5,
        "type_vocab_size": 1,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": "patches"}, r"image=patches is none of grid, none"),
        ({"heads": 7}, r"hidden_size=768 must be a multiple of heads=7"),
        ({"shape_size": 100}, r"4 × coordinate_size=128 \+ 2 × shape_size=100 is 712; it must be hidden_size=768"),
        ({"image_size": 200}, r"image_size=200 must be a multiple of 32"),
        ({"max_tokens": 2}, r"max_tokens=2 must be at least 3"),
        ({"max_tokens": 48}, r"grid_size=7 makes 49 cells, which share the position table of max_tokens=48"),
        ({"image_size": 32, "grid_size": 9}, r"grid_size=9 must be at most 8: an image of image_size=32 has"),
        ({"visual_blocks": [1, 2, 3]}, r"visual_blocks=\[1, 2, 3\] must name the blocks of 4 stages"),
        ({"visual_blocks": [1, 2, 3, 0]}, r"visual_blocks\[3\]=0 must be at least 1"),
        ({"visual_freeze_at": 6}, r"visual_freeze_at=6 must lie between 0 and 5"),
        ({"rel_pos_bins": 30}, r"rel_pos_bins=30 must be a multiple of 4"),
        ({"rel_2d_pos_max": 16}, r"rel_2d_pos_max=16 must be above 16, a quarter of rel_2d_pos_bins=64"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        LayoutLMv2Settings(**values)


def test_without_an_image_its_settings_are_not_looked_at() -> None:
    assert LayoutLMv2Settings(image="none", max_tokens=40, image_size=200).image_side is None
