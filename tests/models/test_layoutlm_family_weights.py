"""Folders in the hub's layout into LayoutLM, LayoutLMv2 and LayoutXLM: their own, and those of text models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM, XLMRobertaConfig, XLMRobertaForMaskedLM

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.layoutlm import LayoutLMSettings
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.models.layoutxlm import LayoutXLMSettings
from docexp.models.transformer_settings import TransformerSettings
from docexp.models.weights import load_weights

torch.set_num_threads(1)

SIZES = {"layers": 2, "heads": 4, "hidden_size": 48, "ffn_size": 64, "max_tokens": 64}
QUIET = {"dropout": 0.0, "attention_dropout": 0.0}
VISUAL = {
    "coordinate_size": 8,
    "shape_size": 8,
    "image_size": 32,
    "grid_size": 4,
    "visual_blocks": [1, 1, 1, 1],
    "visual_groups": 2,
    "visual_group_width": 2,
    "visual_stem": 4,
    "visual_width": 8,
    "visual_channels": 8,
}
TEXT = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def settings(family: str, **changes: Any) -> TransformerSettings:
    if family == "layoutlm":
        return LayoutLMSettings(**{**SIZES, **QUIET, **changes})
    kind = LayoutXLMSettings if family == "layoutxlm" else LayoutLMv2Settings
    return kind(**{**SIZES, **QUIET, **VISUAL, **changes})


def published(family: str, folder: Path, seed: int = 7, **changes: Any) -> tuple[Path, dict[str, Tensor]]:
    """A folder as the hub holds it: with a pooler, a head, and the constants of older checkpoints."""
    torch.manual_seed(seed)
    made = settings(family, **changes).build(120, 1)
    with torch.no_grad():
        for name, buffer in made.named_buffers():
            if "norm" in name and "position" not in name:
                buffer.copy_(torch.rand(buffer.shape) + 0.5)
    tensors = {name: weight.clone() for name, weight in made.state_dict().items()}
    prefix = made.prefix
    if family == "layoutxlm":
        table = f"{prefix}embeddings.position_embeddings.weight"
        tensors[table] = torch.cat([tensors[table], torch.randn(2, 48)])  # 514 rows of which 512 are read
    extra = {f"{prefix}pooler.dense.weight": torch.randn(48, 48), f"{prefix}pooler.dense.bias": torch.randn(48)}
    extra |= {f"{prefix}embeddings.position_ids": torch.arange(64)[None], "classifier.weight": torch.randn(5, 48)}
    if f"{prefix}visual_proj.weight" in tensors:
        extra |= {f"{prefix}visual.{name}": torch.ones(3, 1, 1) for name in ("pixel_mean", "pixel_std")}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors | extra, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(made.config.to_dict(), default=str))
    return folder, tensors


@pytest.mark.parametrize("family", ["layoutlm", "layoutlmv2", "layoutxlm"])
def test_a_published_folder_loads_whole(family: str, tmp_path: Path) -> None:
    folder, tensors = published(family, tmp_path)
    backbone = settings(family).build(120, 1)
    report = load_weights(backbone, str(folder))
    assert report.loaded == len(backbone.state_dict()) and not report.missing
    assert report.left_out == ("pooler.dense.bias", "pooler.dense.weight") and report.heads == ("classifier.weight",)
    visual = () if family == "layoutlm" else ("visual.pixel_mean", "visual.pixel_std")
    assert report.constants == ("embeddings.position_ids", *visual)
    for name, weight in backbone.state_dict().items():
        assert torch.equal(weight, tensors[name][: len(weight)] if weight.ndim else tensors[name]), name
    cut = {"embeddings.position_embeddings.weight": "cut from 66 to 64 positions"} if family == "layoutxlm" else {}
    assert report.resized == cut


@pytest.mark.parametrize(
    ("arm", "gone"),
    [
        ({"image": "none"}, "visual"),
        ({"bias_2d": False}, "encoder.rel_pos_x_bias"),
        ({"bias_1d": False}, "encoder.rel_pos_bias"),
        ({"layout": False}, "encoder.rel_pos_y_bias"),
    ],
    ids=str,
)
def test_what_is_not_built_is_left_out_and_what_is_lacking_says_how_to_do_without(
    tmp_path: Path, arm: dict[str, Any], gone: str
) -> None:
    folder, _ = published("layoutlmv2", tmp_path / "whole")
    report = load_weights(settings("layoutlmv2", **arm).build(120, 1), str(folder))
    assert any(name.startswith(gone) for name in report.left_out)
    if "layout" in arm:
        return
    without, _ = published("layoutlmv2", tmp_path / "less", **arm)
    ((setting, value),) = arm.items()
    with pytest.raises(DocexpError, match=rf"lacks \d+ tensors .* Set model\.{setting}={str(value).lower()}"):
        load_weights(settings("layoutlmv2").build(120, 1), str(without))


@pytest.mark.parametrize(
    ("given", "asked", "changes", "message"),
    [
        ("layoutlm", "layoutlmv2", {}, r"a model of the family layoutlm; this one is layoutlmv2"),
        ("layoutlmv2", "layoutlm", {}, r"a model of the family layoutlmv2; this one is layoutlm"),
        ("layoutlmv2", "layoutlmv2", {"fast_qkv": False}, r"fast_qkv=True .* Set model\.fast_qkv=True"),
        ("layoutlmv2", "layoutxlm", {}, r"layer_norm_eps=1e-12, fast_qkv=True .* Choose the model of that size"),
        ("layoutlmv2", "layoutlmv2", {"rel_pos_max": 64}, r"max_rel_pos=128 .* Set model\.rel_pos_max=128"),
        ("layoutlmv2", "layoutlmv2", {"grid_size": 2}, r"image_feature_pool_shape=\[4, 4, 8\]"),
        ("layoutlmv2", "layoutlmv2", {"visual_stem": 6}, r"tensors differ in shape: visual\.backbone\.bottom_up"),
        ("layoutlmv2", "layoutlmv2", {"visual_blocks": [1, 1, 2, 1]}, r"lacks \d+ tensors of this model: visual"),
        ("layoutlm", "layoutlm", {"layers": 1}, r"num_hidden_layers=2 .* Set model\.layers=2"),
    ],
)
def test_another_family_or_size_is_refused_by_name(
    tmp_path: Path, given: str, asked: str, changes: dict[str, Any], message: str
) -> None:
    folder, _ = published(given, tmp_path)
    with pytest.raises(DocexpError, match=message):
        load_weights(settings(asked, **changes).build(120, 1), str(folder))


def text_model(kind: str, folder: Path) -> tuple[Path, nn.Module]:
    torch.manual_seed(4)
    if kind == "bert":
        made: Any = BertForMaskedLM(BertConfig(**TEXT, vocab_size=120, max_position_embeddings=64))
    else:
        config = {"max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
        made = XLMRobertaForMaskedLM(XLMRobertaConfig(**TEXT, vocab_size=120, **config))
    with torch.no_grad():  # biases and norms are fresh: zeros and ones would hide a mistake
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    made.save_pretrained(folder)
    return folder, made.eval()


@pytest.mark.parametrize("fast_qkv", [True, False])
def test_a_bert_into_layoutlmv2_computes_the_same_words(
    tmp_path: Path, make_batch: Callable[..., Batch], fast_qkv: bool
) -> None:
    """Without image, places and biases, LayoutLMv2 is BERT: its key's bias is without effect."""
    folder, bert = text_model("bert", tmp_path)
    arm = {"image": "none", "layout": False, "bias_1d": False, "fast_qkv": fast_qkv}
    backbone = settings("layoutlmv2", **arm).build(120, 0)
    report = load_weights(backbone, str(folder))
    assert {name.split("_")[0] for name in report.missing} == {f"embeddings.{axis}" for axis in "xyhw"}
    with torch.no_grad():
        for name, table in backbone.named_parameters():
            if any(f"embeddings.{axis}_position" in name for axis in "xyhw"):
                table.zero_()
    batch = make_batch((23, 9), image_size=None)
    expected = bert.bert(batch.input_ids, batch.mask.long()).last_hidden_state
    torch.testing.assert_close(backbone(batch).text[batch.mask], expected[batch.mask], rtol=0, atol=2e-5)


@pytest.mark.parametrize("family", ["layoutlm", "layoutlmv2", "layoutxlm"])
def test_a_text_model_gives_its_side_and_the_rest_stays_as_drawn(tmp_path: Path, family: str) -> None:
    kind = "xlm-roberta" if family == "layoutxlm" else "bert"
    folder, theirs = text_model(kind, tmp_path)
    backbone = settings(family).build(120, 1)
    drawn = {name: weight.clone() for name, weight in backbone.state_dict().items()}
    report = load_weights(backbone, str(folder))
    bare = {name.split(".", 1)[1]: weight for name, weight in theirs.state_dict().items()}
    for name, weight in backbone.state_dict().items():
        own = name.removeprefix(backbone.prefix)
        if own in report.missing:
            assert torch.equal(weight, drawn[name]), name
        elif own in bare and own not in report.resized:
            assert torch.equal(weight, bare[own]), name
    beyond = ("embeddings.x_", "embeddings.y_", "embeddings.h_", "embeddings.w_", "visual", "encoder.rel_pos")
    assert report.missing and all(name.startswith(beyond) for name in report.missing)
    assert report.loaded + len(report.missing) == len(drawn)
    assert report.resized.keys() == ({"embeddings.position_embeddings.weight"} if family == "layoutxlm" else set())
    if family == "layoutxlm":  # XLM-R counts positions from 2, LayoutXLM from 0
        assert torch.equal(
            backbone.layoutlmv2.embeddings.position_embeddings.weight, bare["embeddings.position_embeddings.weight"][2:]
        )


def test_a_torn_text_model_names_what_is_missing(tmp_path: Path) -> None:
    folder, bert = text_model("bert", tmp_path)
    gone = ("bert.encoder.layer.1.attention.self.key.bias", "cls.predictions.decoder.weight")  # the latter is tied
    tensors = {name: weight.clone() for name, weight in bert.state_dict().items() if name not in gone}
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(DocexpError, match=r"holds 5 tensors that this model has not: encoder\.layer\.1\.attention"):
        load_weights(settings("layoutlmv2").build(120, 0), str(folder))
