"""What of DiT can be chosen, what is refused, and how large the shipped flavours are."""

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
from docexp.inputs.no_words import NoWords
from docexp.models.dit import DiTSettings

torch.set_num_threads(1)

FLAVOURS = Path(__file__).resolve().parents[3] / "conf" / "model"


def flavour(name: str) -> DiTSettings:
    values = yaml.safe_load((FLAVOURS / f"dit_{name}.yaml").read_text())
    assert values.pop("_target_") == "docexp.models.dit.DiTSettings"
    return DiTSettings(**values)


@pytest.mark.parametrize(("name", "parameters"), [("tiny", 389_248), ("base", 85_807_872), ("large", 303_326_208)])
def test_flavours_have_their_size(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = flavour(name).build(0, 0)
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert all(weight.is_meta for weight in model.parameters())
    assert f"{parameters / 1e6:.1f}M" in (FLAVOURS / f"dit_{name}.yaml").read_text()


def test_the_smallest_flavour_sees_a_page(make_batch: Callable[..., Batch]) -> None:
    settings = flavour("tiny")
    assert (settings.image_side, settings.patch_grid, settings.reads_text) == (224, 14, False)
    assert settings.page_needs == {"images"}
    assert settings.build(0, 0)(make_batch((2, 2), image_size=224)).patches.shape == (2, 14**2, 128)


def test_settings_bring_no_torch() -> None:
    program = "import docexp.models.dit, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_encoder_gives_what_the_model_sees() -> None:
    encoder = DiTSettings(image_size=96).encoder(NoWords(), "word", 10)
    assert (encoder.image_size, encoder.text, encoder.layout) == (96, False, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": 7}, r"hidden_size=768 must be a multiple of heads=7"),
        ({"image_size": 200}, r"image_size=200 must be a multiple of patch_size=16"),
        ({"image_size": 8}, r"image_size=8 must be a multiple of patch_size=16"),
        ({"drop_path": 1.0}, r"drop_path=1.0 must be at least 0 and below 1"),
        ({"layer_scale": 0.0}, r"layer_scale=0.0 must be above 0"),
        ({"attention": "flash"}, r"attention=flash is none of sdpa, eager"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        DiTSettings(**values)
