"""Weights that do not fit as they are: of text models, of other families, and what a run allows by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    LayoutLMConfig,
    LayoutLMModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
)

from docexp.errors import DocexpError
from docexp.models.weights import Allowed, LoadReport, load_weights

torch.set_num_threads(1)

SIZES = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 120,
}
ALONE = "cls_token", "pos_embed", "norm", "LayerNorm", "patch_embed", "encoder.rel_pos", "embeddings."
"""The beginnings of what no text model has; of ``embeddings.`` only the tables of boxes."""


def roberta(folder: Path, model: Any = RobertaForMaskedLM, **changes: Any) -> tuple[Path, dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    config = {**SIZES, "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
    made = model(RobertaConfig(**{**config, **changes}))
    made.save_pretrained(folder)
    return folder, {name.removeprefix("roberta."): weight for name, weight in made.state_dict().items()}


def bert(folder: Path, **changes: Any) -> tuple[Path, dict[str, torch.Tensor]]:
    torch.manual_seed(4)
    made = BertForMaskedLM(BertConfig(**{**SIZES, "max_position_embeddings": 64, **changes}))
    made.save_pretrained(folder)
    return folder, {name.removeprefix("bert."): weight for name, weight in made.state_dict().items()}


def check_text_side(report: LoadReport, backbone: Any) -> None:
    own = {name.removeprefix("layoutlmv3.") for name in backbone.state_dict()}
    assert report.loaded == len(own) - len(report.missing) == 37
    assert set(report.missing) < own and all(name.startswith(ALONE) for name in report.missing)
    assert not any(name.startswith(backbone.text_side) for name in report.missing)


@pytest.mark.parametrize("model", [RobertaForMaskedLM, RobertaModel], ids=["with a head", "bare"])
def test_a_roberta_gives_the_text_side_and_the_rest_stays_as_drawn(
    small: Callable[..., Any], tmp_path: Path, model: Any
) -> None:
    folder, theirs = roberta(tmp_path, model)
    torch.manual_seed(1)
    backbone = small().build(120, 1)
    drawn = {name.removeprefix("layoutlmv3."): weight.clone() for name, weight in backbone.state_dict().items()}
    report = load_weights(backbone, str(folder), licence="of the family's own weights")
    check_text_side(report, backbone)
    assert report.resized == {} and report.licence == ""
    assert all(name.startswith(("lm_head", "pooler")) for name in report.heads)
    for name, weight in backbone.state_dict().items():
        bare = name.removeprefix("layoutlmv3.")
        assert torch.equal(weight, drawn[bare] if bare in report.missing else theirs[bare]), name
    said = str(report)
    assert "37 of 52 tensors loaded; as drawn: 15 missing (" in said
    assert "embeddings.x_position_embeddings.weight" in said and "encoder.rel_pos_x_bias.weight" in said


def test_a_bert_counts_positions_and_types_otherwise(small: Callable[..., Any], tmp_path: Path) -> None:
    folder, theirs = bert(tmp_path)
    backbone = small(layer_norm_eps=1e-12).build(120, 0)
    report = load_weights(backbone, str(folder))
    check_text_side(report, backbone)
    assert report.resized == {
        "embeddings.position_embeddings.weight": "moved by 1 rows",
        "embeddings.token_type_embeddings.weight": "cut from 2 to 1 types",
    }
    table = backbone.layoutlmv3.embeddings
    assert torch.equal(table.position_embeddings.weight[1:], theirs["embeddings.position_embeddings.weight"])
    assert not table.position_embeddings.weight[0].any()
    assert torch.equal(table.token_type_embeddings.weight, theirs["embeddings.token_type_embeddings.weight"][:1])
    with pytest.raises(DocexpError, match=r"layer_norm_eps=1e-12 .* Set model\.layer_norm_eps=1e-12"):
        load_weights(small().build(120, 0), str(folder))


def test_texts_shorter_and_longer_than_the_weights_know(small: Callable[..., Any], tmp_path: Path) -> None:
    folder, theirs = roberta(tmp_path)
    short = small(max_tokens=32).build(120, 1)
    name = "embeddings.position_embeddings.weight"
    assert load_weights(short, str(folder)).resized == {name: "cut from 64 to 32 positions"}
    assert torch.equal(short.layoutlmv3.embeddings.position_embeddings.weight, theirs[name][:34])
    long = small(max_tokens=80).build(120, 1)
    drawn = long.layoutlmv3.embeddings.position_embeddings.weight.detach().clone()
    with pytest.raises(DocexpError, match=r"knows 64 positions of text, this model reads 80"):
        load_weights(long, str(folder))
    report = load_weights(long, str(folder), Allowed(missing=("embeddings.position_*",)))
    assert report.resized == {name: "extended from 64 to 80 positions"}
    assert torch.equal(long.layoutlmv3.embeddings.position_embeddings.weight[:66], theirs[name])
    assert torch.equal(long.layoutlmv3.embeddings.position_embeddings.weight[66:], drawn[66:])


@pytest.mark.parametrize(("size", "how"), [(99, "cut from 120 to 99 tokens"), (150, "extended from 120 to 150 tokens")])
def test_a_vocabulary_is_cut_and_extended_only_when_asked(
    small: Callable[..., Any], tmp_path: Path, size: int, how: str
) -> None:
    folder, theirs = roberta(tmp_path)
    backbone = small().build(size, 1)
    table = backbone.layoutlmv3.embeddings.word_embeddings.weight
    drawn = table.detach().clone()
    with pytest.raises(DocexpError, match=rf"of 120 tokens, the tokenizer one of {size}\. .*resize_vocabulary"):
        load_weights(backbone, str(folder))
    assert torch.equal(table, drawn)
    report = load_weights(backbone, str(folder), Allowed(resize_vocabulary=True))
    assert report.resized == {"embeddings.word_embeddings.weight": how}
    assert torch.equal(table[:120], theirs["embeddings.word_embeddings.weight"][:size])
    assert torch.equal(table[120:], drawn[120:])
    other = small().build(size, 1)
    report = load_weights(other, str(folder), Allowed(missing=("embeddings.word_embeddings",)))
    assert report.reshaped == ("embeddings.word_embeddings.weight",)
    assert "1 of another shape (embeddings.word_embeddings.weight)" in str(report)


def test_what_may_be_missing_or_unexpected_is_named(small: Callable[..., Any], tmp_path: Path) -> None:
    donor = small().build(120, 1).layoutlmv3
    donor.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    del tensors["encoder.rel_pos_bias.weight"]
    tensors["encoder.layer.2.output.dense.bias"] = torch.zeros(48)
    save_file(tensors, file)
    backbone = small().build(120, 1)
    with pytest.raises(DocexpError, match=r"holds 1 tensors .* Name those to be left out in model\.allow_unexpected"):
        load_weights(backbone, str(tmp_path))
    with pytest.raises(DocexpError, match=r"lacks 1 tensors .* that may stay as drawn in model\.allow_missing"):
        load_weights(backbone, str(tmp_path), Allowed(unexpected=("encoder.layer.2",)))
    report = load_weights(backbone, str(tmp_path), Allowed(("encoder.rel_pos_bias",), ("encoder.layer.2",)))
    assert report.missing == ("encoder.rel_pos_bias.weight",)
    assert report.unexpected == ("encoder.layer.2.output.dense.bias",)
    assert str(report).endswith(
        "51 of 52 tensors loaded; as drawn: 1 missing (encoder.rel_pos_bias.weight); "
        "ignored: 1 unexpected (encoder.layer.2.output.dense.bias)"
    )
    with pytest.raises(DocexpError, match=r"model\.allow_missing: encoder\.rel_bias matches none of 52 names"):
        load_weights(backbone, str(tmp_path), Allowed(missing=("encoder.rel_bias",)))
    with pytest.raises(DocexpError, match=r"model\.allow_unexpected: pooler matches none of 52 names"):
        load_weights(backbone, str(tmp_path), Allowed(unexpected=("pooler",)))


def test_another_family_is_named(small: Callable[..., Any], tmp_path: Path) -> None:
    LayoutLMModel(LayoutLMConfig(**SIZES)).save_pretrained(tmp_path)
    with pytest.raises(DocexpError, match=r"of the family layoutlm; this one is layoutlmv3 and takes, .*, bert, "):
        load_weights(small().build(120, 1), str(tmp_path))


def test_a_text_model_of_another_size_is_refused(small: Callable[..., Any], tmp_path: Path) -> None:
    folder, _ = roberta(tmp_path, num_hidden_layers=3, intermediate_size=32)
    with pytest.raises(DocexpError, match=r"num_hidden_layers=3, intermediate_size=32 .*Choose the model of that size"):
        load_weights(small().build(120, 1), str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2, "intermediate_size": 64}))
    with pytest.raises(DocexpError, match=r"holds 16 tensors that this model has not: encoder\.layer\.2\."):
        load_weights(small().build(120, 1), str(folder))


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("---\nlicense: mit\n---\n# Model\n", "mit"),
        ("---\nlicense: other\nlicense_name: Paper-1.0\n---\n", "Paper-1.0"),
        ("---\nlicense: other\n---\n", "other, see its model card"),
        ("---\n- a list\n---\n", "the family's"),
        ("# No front matter", "the family's"),
        ("---\nlicense: [\n---\n", "the family's"),
        (None, "the family's"),
    ],
)
def test_the_licence_is_the_folders_own_else_the_familys(
    small: Callable[..., Any], tmp_path: Path, card: str | None, said: str
) -> None:
    small().build(120, 1).layoutlmv3.save_pretrained(tmp_path)
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    report = load_weights(small().build(120, 1), str(tmp_path), licence="the family's")
    assert report.licence == said and str(report).endswith(f"\n  licence of these weights: {said}")
