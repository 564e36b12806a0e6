"""The presets' first weights: what a text model in the hub's layout gives to each, and what stays as drawn."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.models.weights import Allowed, load_weights

torch.set_num_threads(1)

SIZES = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
SMALL = ["layers=2", "heads=4", "hidden_size=48", "ffn_size=64"]
BOXES = ["coordinate_size=8", "shape_size=8"]
VISUAL = [f"visual_{key}" for key in ("blocks=[1,1,1,1]", "groups=2", "group_width=4", "stem=8", "width=16")]


def bert(folder: Path) -> None:
    BertForMaskedLM(BertConfig(**SIZES, vocab_size=120)).save_pretrained(folder)


def roberta(folder: Path, config: Any = RobertaConfig, model: Any = RobertaForMaskedLM) -> None:
    sizes = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "vocab_size": 120}
    model(config(**SIZES, **sizes)).save_pretrained(folder)


def infoxlm(folder: Path) -> None:
    roberta(folder, XLMRobertaConfig, XLMRobertaForMaskedLM)


CASES = {
    "layoutlm_base": (bert, [], "bert-base", "embeddings.h_position_embeddings.weight", "embeddings.x_position"),
    "layoutlmv2_base": (bert, [*BOXES, *VISUAL], "bert-base", "visual.", "encoder.rel_pos_"),
    "layoutlmv3_base": (roberta, BOXES, "roberta-base", "patch_embed.proj", "encoder.rel_pos_"),
    "layoutlmv3_large": (roberta, BOXES, "roberta-large", "patch_embed.proj", "encoder.rel_pos_"),
    "layoutlmv3_ablation": (roberta, BOXES, "roberta-base", "patch_embed.proj", "encoder.rel_pos_"),
    "layoutxlm_base": (infoxlm, [*BOXES, *VISUAL], "infoxlm-base", "visual.", "visual_segment_embedding"),
}
"""For each preset, who makes such weights, what makes the model small, the hub id's end, and what is told as drawn."""


@pytest.mark.parametrize("name", CASES)
def test_the_text_side_comes_from_the_text_model_and_the_report_names_the_rest(name: str, tmp_path: Path) -> None:
    make, sizes, source, *drawn = CASES[name]
    make(tmp_path)
    settings = check(compose([f"experiment=pretrain/{name}", *(f"model.{size}" for size in (*SMALL, *sizes))])).model
    assert settings.weights is not None and source in settings.weights
    backbone = settings.build(120, 1)
    report = load_weights(backbone, str(tmp_path), Allowed.by(settings), settings.licence)
    own = {key.removeprefix(backbone.prefix) for key in backbone.state_dict()}
    text = {key for key in own if key.startswith(backbone.text_side)}
    assert report.loaded == len(own) - len(report.missing) and not text & set(report.missing)
    assert set(report.missing) == own - text
    said = str(report)
    assert f"{report.loaded} of {len(own)} tensors loaded" in said and all(part in said for part in drawn)
