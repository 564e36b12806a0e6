"""Published weights of DiT: folders as the hub has them, what is wrong with others, and the way back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BeitConfig, BeitForImageClassification, BeitForMaskedImageModeling, BeitModel

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.dit.backbone import DiTBackbone
from docexp.models.weights import load_weights

torch.set_num_threads(1)

LAYER = {
    "attention.q_proj.weight": "attention.attention.query.weight",
    "attention.q_proj.bias": "attention.attention.query.bias",
    "attention.k_proj.weight": "attention.attention.key.weight",
    "attention.v_proj.weight": "attention.attention.value.weight",
    "attention.v_proj.bias": "attention.attention.value.bias",
    "attention.o_proj.weight": "attention.output.dense.weight",
    "attention.o_proj.bias": "attention.output.dense.bias",
    "mlp.fc1.weight": "intermediate.dense.weight",
    "mlp.fc1.bias": "intermediate.dense.bias",
    "mlp.fc2.weight": "output.dense.weight",
    "mlp.fc2.bias": "output.dense.bias",
    "layernorm_before.weight": "layernorm_before.weight",
    "layernorm_before.bias": "layernorm_before.bias",
    "layernorm_after.weight": "layernorm_after.weight",
    "layernorm_after.bias": "layernorm_after.bias",
    "lambda_1": "lambda_1",
    "lambda_2": "lambda_2",
}
"""A layer's tensors and their names in microsoft/dit-base (transformers' convert_dit_unilm_to_pytorch.py)."""

NORM = {"masked": "", "classes": "beit.pooler."}
"""Before ``layernorm.weight``, the norm after the last layer."""

CLASSES = {"masked": BeitForMaskedImageModeling, "classes": BeitForImageClassification}


@pytest.fixture
def trained(small_dit: Callable[..., Any], make_everything_matter: Callable[[nn.Module], None]) -> DiTBackbone:
    """A model whose weights are to be published."""
    backbone = small_dit().build(0, 0)
    make_everything_matter(backbone)
    return backbone


def published_name(own: str, kind: str) -> str:
    if own.startswith("beit.layernorm."):
        return NORM[kind] + own.removeprefix("beit.")
    if own.startswith("beit.layers."):
        _, _, number, name = own.split(".", 3)
        return f"beit.encoder.layer.{number}.{LAYER[name]}"
    return own


def published(backbone: DiTBackbone, folder: Path, kind: str, **changes: Any) -> Path:
    """The backbone with a head, as the hub has it: ``masked`` as microsoft/dit-base, ``classes`` as fine-tuned."""
    tensors = {published_name(name, kind): tensor for name, tensor in backbone.state_dict().items()}
    if kind == "masked":
        tensors |= {"beit.embeddings.mask_token": torch.ones(1, 1, 48)}
        tensors |= {"lm_head.weight": torch.ones(8192, 48), "lm_head.bias": torch.ones(8192)}
    else:
        tensors |= {"classifier.weight": torch.ones(16, 48), "classifier.bias": torch.ones(16)}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = BeitConfig(
        **{
            **backbone.config.to_dict(),
            "use_mask_token": kind == "masked",
            "use_mean_pooling": True,
            "id2label": {number: f"class {number}" for number in range(16)},
            **changes,
        }
    )
    config.save_pretrained(folder)
    return folder


def same(backbone: DiTBackbone, other: DiTBackbone) -> bool:
    return all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in backbone.state_dict().items())


@pytest.mark.parametrize("kind", NORM)
def test_the_made_folder_is_one_that_transformers_opens_whole(trained: DiTBackbone, tmp_path: Path, kind: str) -> None:
    """So that the names below are the published ones, of today's transformers as well."""
    folder = published(trained, tmp_path, kind)
    stock, told = CLASSES[kind].from_pretrained(folder, output_loading_info=True)
    assert not any(told.values())
    assert torch.equal(stock.beit.layers[1].mlp.fc2.weight, trained.beit.layers[1].mlp.fc2.weight)


@pytest.mark.parametrize(
    ("kind", "heads", "left_out"),
    [
        ("masked", ("lm_head.bias", "lm_head.weight"), ("embeddings.mask_token",)),
        ("classes", ("classifier.bias", "classifier.weight"), ()),
    ],
)
def test_published_weights_load_whole(
    small_dit: Callable[..., Any], trained: DiTBackbone, tmp_path: Path, kind: str, heads: Any, left_out: Any
) -> None:
    fresh = small_dit().build(0, 0)
    report = load_weights(fresh, str(published(trained, tmp_path, kind)), licence="MIT")
    assert same(fresh, trained)
    assert (report.loaded, report.heads, report.left_out) == (len(fresh.state_dict()), heads, left_out)
    assert report.missing == report.unexpected == () and report.licence == "MIT"


@pytest.mark.parametrize("mean", [True, False], ids=["pooler", "no pooler"])
def test_the_bare_model_has_no_prefix(
    small_dit: Callable[..., Any], trained: DiTBackbone, tmp_path: Path, mean: bool
) -> None:
    bare = BeitModel(BeitConfig(**{**trained.config.to_dict(), "use_mean_pooling": mean}))
    weights = trained.beit.state_dict()
    names = {name: f"pooler.{name}" if mean and name.startswith("layernorm.") else name for name in weights}
    bare.load_state_dict({names[name]: tensor for name, tensor in weights.items()}, strict=True)
    bare.save_pretrained(tmp_path)
    assert "encoder.layer.0.lambda_1" in load_file(tmp_path / "model.safetensors")
    fresh = small_dit().build(0, 0)
    report = load_weights(fresh, str(tmp_path))
    assert same(fresh, trained) and report.heads == ()


def test_weights_of_another_image_size_are_interpolated_as_the_model_does(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch], trained: DiTBackbone, tmp_path: Path
) -> None:
    larger = small_dit(image_size=96).build(0, 0)
    report = load_weights(larger, str(published(trained, tmp_path, "masked")))
    assert report.resized == {"embeddings.position_embeddings": "interpolated, 1 × 17 × 48 → 1 × 37 × 48"}
    batch = make_batch((2, 2), image_size=96)
    torch.testing.assert_close(larger(batch).patches, trained(batch).patches, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"num_attention_heads": 6},
            r"made with num_attention_heads=6 .* has .*=4\. Set model\.heads=6\.",
        ),
        ({"patch_size": 8}, r"made with patch_size=8 .*Set model\.patch_size=8\."),
        ({"use_relative_position_bias": True}, r"use_relative_position_bias=True .*Choose the model"),
        ({"use_absolute_position_embeddings": False}, r"use_absolute_position_embeddings=False"),
        ({"model_type": "vit"}, r"of the family vit; this one is beit\. Choose the model"),
        ({"model_type": "roberta"}, r"of the family roberta; this one is beit\. Choose the model"),
    ],
)
def test_weights_of_another_kind_are_refused(
    small_dit: Callable[..., Any], trained: DiTBackbone, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = published(trained, tmp_path, "masked")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    fresh = small_dit().build(0, 0)
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    with pytest.raises(DocexpError, match=message):
        load_weights(fresh, str(folder))
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state_dict().items())


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("beit.encoder.layer.1.lambda_2", None, r"lacks 1 tensors of this model: layers\.1\.lambda_2\."),
        ("layernorm.weight", None, r"lacks 1 tensors of this model: layernorm\.weight"),
        ("beit.pooler.layernorm.bias", torch.zeros(48), "hold two norms after the last layer"),
        (
            "beit.encoder.layer.0.attention.attention.relative_position_bias.relative_position_bias_table",
            torch.zeros(52, 4),
            r"holds 1 tensors that this model has not: layers\.0\.",
        ),
        ("beit.embeddings.position_embeddings", torch.zeros(1, 13, 48), "12 patches do not belong to a square grid"),
        ("beit.encoder.layer.0.lambda_1", torch.zeros(47), r"layers\.0\.lambda_1 \[47\] against \[48\]"),
    ],
)
def test_torn_and_strange_folders_are_refused(
    small_dit: Callable[..., Any],
    trained: DiTBackbone,
    tmp_path: Path,
    name: str,
    tensor: Tensor | None,
    message: str,
) -> None:
    folder = published(trained, tmp_path, "masked")
    tensors = load_file(folder / "model.safetensors")
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(DocexpError, match=message):
        load_weights(small_dit().build(0, 0), str(folder))


def test_transformers_own_class_computes_the_same(
    small_dit: Callable[..., Any], make_batch: Callable[..., Batch], trained: DiTBackbone, tmp_path: Path
) -> None:
    plain = trained.plain()
    plain.config.num_labels = 5
    head = nn.Linear(48, 5)
    model = BeitForImageClassification(plain.config)
    weights = {f"classifier.{name}": tensor for name, tensor in head.state_dict().items()}
    model.load_state_dict({**plain.tensors, **weights}, strict=True)
    model.save_pretrained(tmp_path)
    opened, told = BeitForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values())
    batch = make_batch((2, 2))
    assert batch.pixels is not None and plain.image_size == 64
    with torch.no_grad():
        theirs = opened.eval()(pixel_values=(batch.pixels.float() / 255 - 0.5) / 0.5).logits
        torch.testing.assert_close(theirs, head(trained.eval()(batch).pooled), rtol=0, atol=1e-4)
    fresh = small_dit().build(0, 0)
    load_weights(fresh, str(tmp_path))
    assert same(fresh, trained)
