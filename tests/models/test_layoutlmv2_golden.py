"""LayoutLMv2 against the original authors' code on detectron2's backbone: outputs, losses, every gradient."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import LayoutLMv2Config

from docexp.models.heads import TokenClassifier
from docexp.models.layoutlmv2.modeling import LayoutLMv2, StockLayoutLMv2
from docexp.models.layoutlmv2.visual import VisualBackbone, VisualShape

torch.set_num_threads(1)

TABLES = {f"layoutlmv2.encoder.{name}.weight" for name in ("rel_pos_bias", "rel_pos_x_bias", "rel_pos_y_bias")}


class Case:
    """One recorded case: its model with the recorded weights, and its arrays."""

    def __init__(self, folder: Path, name: str, attention: str) -> None:
        facts = json.loads((folder / f"{name}.json").read_text())
        self.arrays: dict[str, NDArray] = dict(np.load(folder / f"{name}.npz"))
        narrow = facts["narrow_backbone"]
        assert narrow["DEPTH"] == 50
        shape = VisualShape(
            blocks=(3, 4, 6, 3),
            groups=narrow["NUM_GROUPS"],
            group_width=narrow["WIDTH_PER_GROUP"],
            stem=narrow["STEM_OUT_CHANNELS"],
            width=narrow["RES2_OUT_CHANNELS"],
            channels=narrow["FPN.OUT_CHANNELS"],
        )
        config, visual = LayoutLMv2Config(**facts["config"]), VisualBackbone(shape)
        stock = attention == "stock"
        body = StockLayoutLMv2(config, visual) if stock else LayoutLMv2(config, visual, attention == "sdpa")
        head = TokenClassifier(config.hidden_size, config.num_labels, 0.0)
        self.model = nn.ModuleDict({"layoutlmv2": body, "head": head})
        weights = load_file(folder / "base.weights.safetensors")
        extra = folder / f"{name}.extra_weights.safetensors"
        weights |= load_file(extra) if extra.is_file() else {}
        with torch.no_grad():
            for key, weight in self.model.state_dict().items():
                weight.copy_(weights[key.removeprefix("head.")])
        for key in ("pixel_mean", "pixel_std"):
            assert torch.equal(weights[f"layoutlmv2.visual.{key}"], getattr(visual, key))

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def image(self) -> Tensor:
        return self.tensor("input/image_uint8_bgr").float()

    def outputs(self) -> dict[str, Tensor]:
        names = ("input_ids", "bbox", "attention_mask", "token_type_ids")
        inputs = {name: self.tensor(f"input/{name}") for name in names}
        found = self.model["layoutlmv2"](**inputs, image=self.image, output_hidden_states=True)
        logits = self.model["head"](found.last_hidden_state[:, : inputs["input_ids"].shape[1]])
        labels = self.tensor("input/labels").masked_fill(inputs["attention_mask"] == 0, -100)
        states = {f"hidden_{number}": state for number, state in enumerate(found.hidden_states)}
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return {**states, "last_hidden_state": found.last_hidden_state, "logits": logits, "loss": loss}

    def gradients(self) -> dict[str, Tensor]:
        found = {name.removeprefix("head."): weight.grad for name, weight in self.model.named_parameters()}
        return {name: gradient for name, gradient in found.items() if gradient is not None}


@pytest.mark.golden
@pytest.mark.parametrize("name", ["base", "xlm_like", "no_seg_emb"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_outputs_and_gradients_are_those_of_the_authors_code(golden: Path, name: str, attention: str) -> None:
    case = Case(golden / "layoutlmv2", name, attention)
    visual = case.model["layoutlmv2"].visual
    torch.testing.assert_close(visual(case.image), case.tensor("out_f32/visual_features"), rtol=0, atol=2e-4)
    outputs = case.outputs()
    for key in outputs.keys() & {key.removeprefix("out_f32/") for key in case.arrays}:
        torch.testing.assert_close(outputs[key], case.tensor(f"out_f32/{key}"), rtol=0, atol=2e-5)
    outputs["loss"].backward()
    gradients = case.gradients()
    assert gradients.keys() >= TABLES and all(weight.requires_grad for weight in case.model["head"].parameters())
    recorded = {key.removeprefix("grad/") for key in case.arrays if key.startswith("grad/")}
    assert recorded <= gradients.keys() and len(recorded) == (110 if name == "base" else len(recorded))
    beyond = gradients.keys() - recorded  # the visual backbone's are recorded in the first case alone
    assert all("visual.backbone" in key for key in beyond) and (not beyond if name == "base" else beyond)
    for key in recorded:
        torch.testing.assert_close(
            gradients[key],
            case.tensor(f"grad/{key}"),
            rtol=0,
            atol=5e-6,
            msg=lambda text, key=key: f"{key}: {text}",
        )


@pytest.mark.golden
def test_the_finest_level_of_the_pyramid_is_detectron2s(golden: Path) -> None:
    case = Case(golden / "layoutlmv2", "base", "sdpa")
    visual = case.model["layoutlmv2"].visual
    finest = visual.backbone((case.image - visual.pixel_mean) / visual.pixel_std)
    expected = case.tensor("out_f32/p2")
    torch.testing.assert_close(finest, expected, rtol=0, atol=1e-6 * float(expected.abs().max()) * 10)


@pytest.mark.golden
def test_the_stock_encoder_gives_the_outputs_and_leaves_the_biases_without_a_gradient(golden: Path) -> None:
    """The defect that ``RelativeEncoder`` mends, where the authors' code has gradients."""
    case = Case(golden / "layoutlmv2", "base", "stock")
    outputs = case.outputs()
    torch.testing.assert_close(outputs["logits"], case.tensor("out_f32/logits"), rtol=0, atol=2e-5)
    outputs["loss"].backward()
    recorded = {key.removeprefix("grad/") for key in case.arrays if key.startswith("grad/")}
    assert recorded - case.gradients().keys() == TABLES
