"""The model against the original authors' code: outputs, losses and every gradient, the biases' included."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import LayoutLMv3Config

from docexp.models.heads import ClassificationHead, TokenClassifier
from docexp.models.layoutlmv3.modeling import LayoutLMv3, Shape
from docexp.models.layoutlmv3.segments import positions_in_segments, segments_of

torch.set_num_threads(1)

TABLES = ["rel_pos_bias", "rel_pos_x_bias", "rel_pos_y_bias"]
CASES = ["base", "long", "text_only", "seqcls", "nobias", "valid_span"]


class Case:
    """One recorded case: its model with the recorded weights, and its arrays."""

    def __init__(self, folder: Path, name: str, dtype: torch.dtype, fast: bool) -> None:
        facts = json.loads((folder / f"{name}.json").read_text())
        self.arrays: dict[str, NDArray] = dict(np.load(folder / f"{name}.npz"))
        config = LayoutLMv3Config(**facts["config"])
        config.visual_embed = "input/images_uint8" in self.arrays
        body = LayoutLMv3(config, Shape(fast=fast))
        width, labels = config.hidden_size, config.num_labels
        if name == "seqcls":
            head: nn.Module = nn.ModuleDict({"classifier": ClassificationHead(width, labels, 0.0)})
        else:
            head = TokenClassifier(width, labels, 0.0)
        self.model = nn.ModuleDict({"layoutlmv3": body, "head": head}).to(dtype)
        self.dtype, self.is_page_level = dtype, name == "seqcls"
        weights = load_file(folder / "base.weights.safetensors")
        extra = folder / f"{name}.extra_weights.safetensors"
        weights |= load_file(extra) if extra.is_file() else {}
        own = {key.removeprefix("head."): weight for key, weight in self.model.state_dict().items()}
        with torch.no_grad():
            for key, weight in own.items():
                weight.copy_(weights[key])

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key])

    def hidden(self) -> Tensor:
        ids = self.tensor("input/input_ids")
        inputs = {"bbox": self.tensor("input/bbox"), "attention_mask": self.tensor("input/attention_mask")}
        inputs["attention_mask"] = inputs["attention_mask"][:, : ids.shape[1]]  # the model adds the image's part
        if "input/images_uint8" in self.arrays:
            inputs["pixel_values"] = (self.tensor("input/images_uint8").float() / 128 - 1).to(self.dtype)
        if "input/segment_ids" in self.arrays:  # the model adds the image's, one for all patches
            inputs["segments"] = self.tensor("input/segment_ids")[:, : ids.shape[1]]
            inputs["position_ids"] = self.tensor("input/position_ids")
        return self.model["layoutlmv3"](input_ids=ids, **inputs).last_hidden_state

    def logits(self, hidden: Tensor) -> Tensor:
        head = self.model["head"]
        return head["classifier"](hidden[:, 0]) if self.is_page_level else head(hidden)

    def gradients(self) -> Iterator[tuple[str, Tensor | None]]:
        for name, weight in self.model.named_parameters():
            yield name.removeprefix("head."), weight.grad


@pytest.mark.golden
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fast", [True, False], ids=["sdpa", "eager"])
@pytest.mark.parametrize(("kind", "dtype"), [("f64", torch.float64), ("f32", torch.float32)], ids=["f64", "f32"])
def test_outputs_and_gradients_are_those_of_the_authors_code(
    golden: Path, name: str, kind: str, dtype: torch.dtype, fast: bool
) -> None:
    case = Case(golden / "layoutlmv3", name, dtype, fast)
    hidden = case.hidden()
    logits = case.logits(hidden)
    loss = F.cross_entropy(logits.flatten(0, -2), case.tensor("input/labels").flatten())
    tolerance = 1e-10 if kind == "f64" else 2e-5
    for key, value in (("last_hidden_state", hidden), ("logits", logits), ("loss", loss)):
        torch.testing.assert_close(value, case.tensor(f"out_{kind}/{key}"), rtol=0, atol=tolerance)
    loss.backward()
    rtol, atol = (1e-6, 1e-7) if kind == "f64" else (0, 1e-5)
    compared = set()
    for key, gradient in case.gradients():
        assert gradient is not None, key
        expected = case.tensor(f"grad/{key}").to(dtype)
        torch.testing.assert_close(gradient, expected, rtol=rtol, atol=atol, msg=lambda text, key=key: f"{key}: {text}")
        compared.add(f"grad/{key}")
    assert compared == {key for key in case.arrays if key.startswith("grad/")}
    biases = {f"grad/layoutlmv3.encoder.{table}.weight" for table in TABLES}
    assert biases <= compared or name == "nobias"


@pytest.mark.golden
def test_segments_and_positions_in_them_are_the_authors(golden: Path) -> None:
    arrays = dict(np.load(golden / "layoutlmv3" / "valid_span.npz"))
    bbox, ids = (torch.from_numpy(arrays[f"input/{name}"]) for name in ("bbox", "input_ids"))
    there = ids != 1
    segments, recorded = segments_of(bbox, there), torch.from_numpy(arrays["input/segment_ids"])[:, : ids.shape[1]]
    same, expected = (s.unsqueeze(-1) == s.unsqueeze(-2) for s in (segments, recorded))
    assert torch.equal(same, expected)
    positions = positions_in_segments(segments, there, 1)
    assert torch.equal(positions, torch.from_numpy(arrays["input/position_ids"]))


@pytest.mark.golden
@pytest.mark.parametrize("fast", [True, False], ids=["sdpa", "eager"])
@pytest.mark.parametrize("size", ["64x64", "96x64", "224x224"])
def test_the_pyramid_of_an_image_of_any_size_is_that_of_the_authors_detection_code(
    golden: Path, size: str, fast: bool
) -> None:
    """Position embeddings of 14 × 14 patches interpolated for 4 × 4 and 6 × 4; four maps."""
    folder = golden / "layoutlmv3"
    arrays = dict(np.load(folder / "detection.npz"))
    config = LayoutLMv3Config(**json.loads((folder / "detection.json").read_text())["config"], text_embed=False)
    body = LayoutLMv3(config, Shape(fast=fast, pyramid=(0, 1, 2, 3))).eval()
    body.load_state_dict(load_file(folder / "detection.weights.safetensors"), strict=True)
    pixels = torch.from_numpy(arrays[f"{size}/images_uint8"]).float() / 128 - 1
    body(pixel_values=pixels)
    found = body.pyramid()
    assert len(found) == 4
    for number, map_ in enumerate(found):
        name = f"{size}/layer{number}"
        thinned = f"{name}_every_4th" in arrays
        expected = torch.from_numpy(arrays[f"{name}_every_4th" if thinned else name])
        ours = map_[:, :, ::4, ::4] if thinned else map_
        torch.testing.assert_close(ours, expected, rtol=0, atol=2e-5, msg=lambda text, name=name: f"{name}: {text}")
