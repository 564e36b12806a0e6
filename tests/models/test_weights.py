"""Published weights: every layout of a folder, and everything that can be wrong with one."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import LayoutLMv3ForTokenClassification, LayoutLMv3Model

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Backbone, Encoded
from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone
from docexp.models.weights import load_weights

torch.set_num_threads(1)

HEADS = ("classifier.bias", "classifier.weight")


@pytest.fixture(scope="module")
def published(small: Callable[..., Any]) -> LayoutLMv3ForTokenClassification:
    """A stock model with a head, as others would publish it."""
    torch.manual_seed(7)
    config = small().build(120, 1).config
    return LayoutLMv3ForTokenClassification(type(config)(**{**config.to_dict(), "num_labels": 5}))


@pytest.fixture
def fresh(small: Callable[..., Any]) -> LayoutLMv3Backbone:
    torch.manual_seed(1)
    return small().build(120, 1)


def saved(model: Any, folder: Path, **changes: Any) -> Path:
    """The folder transformers writes; ``changes`` go into its config.json."""
    model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def rewritten(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> Path:
    """The same folder after ``change`` was made to its tensors."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    return folder


def assert_loaded(backbone: LayoutLMv3Backbone, stock: Any) -> None:
    theirs = stock.state_dict()
    ours = backbone.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_folder_with_a_head(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    report = load_weights(fresh, str(saved(published, tmp_path)))
    assert_loaded(fresh, published)
    assert report.loaded == len(fresh.state_dict()) and report.heads == HEADS
    assert report.left_out == report.constants == ()
    assert str(report) == f"{tmp_path}: 52 of 52 tensors loaded; ignored: 2 heads (classifier.{{bias,weight}})"


def test_the_bare_model_has_no_prefix(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    saved(published.layoutlmv3, tmp_path)
    report = load_weights(fresh, str(tmp_path))
    assert_loaded(fresh, published)
    assert report.heads == ()
    rewritten(tmp_path, lambda tensors: tensors.update({"pooler.dense.weight": torch.zeros(2)}))
    assert load_weights(fresh, str(tmp_path)).heads == ("pooler.dense.weight",)


def test_shards(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    published.save_pretrained(folder, max_shard_size="100KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1 and not (folder / "model.safetensors").exists()
    assert load_weights(fresh, str(folder)).heads == HEADS
    assert_loaded(fresh, published)
    save_file({"layoutlmv3.more": torch.zeros(1)}, tmp_path / "outside.safetensors")
    index = folder / "model.safetensors.index.json"
    whole = json.loads(index.read_text())["weight_map"]
    for shard, message in (
        (shards[0].name, "that no shard holds: layoutlmv3.more"),
        ("../outside.safetensors", r"names the shard \.\./outside.safetensors, which is not beside it"),
        (str(tmp_path / "outside.safetensors"), r"outside.safetensors, which is not beside it"),
        ("gone.safetensors", r"names the shard gone.safetensors, which is not beside it"),
    ):
        index.write_text(json.dumps({"weight_map": {**whole, "layoutlmv3.more": shard}}))
        with pytest.raises(DocexpError, match=message):
            load_weights(fresh, str(folder))
    index.write_text("[1")
    with pytest.raises(DocexpError, match="is no index of shards"):
        load_weights(fresh, str(folder))


def test_names_and_constants_of_older_days(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    """transformers 4 kept position_ids in its files; checkpoints from TensorFlow's days say gamma and beta."""

    def age(tensors: dict[str, Tensor]) -> None:
        tensors["layoutlmv3.embeddings.position_ids"] = torch.arange(66)[None]
        for name in [name for name in tensors if "norm" in name.lower()]:
            old = (
                name.removesuffix("weight") + "gamma" if name.endswith("weight") else name.removesuffix("bias") + "beta"
            )
            tensors[old] = tensors.pop(name)

    report = load_weights(fresh, str(rewritten(saved(published, tmp_path), age)))
    assert_loaded(fresh, published)
    assert report.constants == ("embeddings.position_ids",)
    assert "1 constants (embeddings.position_ids)" in str(report)


def test_a_pickle_is_refused_unopened(fresh: LayoutLMv3Backbone, published: Any, tmp_path: Path) -> None:
    saved(published, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    target = tmp_path / "touched"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (target,)

    torch.save({"layoutlmv3.cls_token": Bomb()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(
        DocexpError, match=r"pytorch_model\.bin is a pickle.*safetensors alone\. Convert it.*\n  python"
    ):
        load_weights(fresh, str(tmp_path))
    assert not target.exists()


def test_the_way_out_of_a_pickle_leads_out(fresh: LayoutLMv3Backbone, published: Any, tmp_path: Path) -> None:
    saved(published.layoutlmv3, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(published.layoutlmv3.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(DocexpError) as refused:
        load_weights(fresh, str(tmp_path))
    program = str(refused.value).partition('-c "')[2].removesuffix('"')
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    load_weights(fresh, str(tmp_path))
    assert_loaded(fresh, published)


@pytest.mark.parametrize(
    "arm", [{"image": "none"}, {"layout": False}, {"text": False}, {"image": "none", "layout": False}]
)
def test_what_is_not_built_is_left_out_and_listed(
    published: Any, small: Callable[..., Any], tmp_path: Path, arm: dict[str, Any]
) -> None:
    backbone = small(**arm).build(120, 1)
    report = load_weights(backbone, str(saved(published, tmp_path)))
    assert_loaded(backbone, published)
    everything = {name.removeprefix("layoutlmv3.") for name in published.layoutlmv3.state_dict()}
    assert len(report.left_out) + report.loaded == len(everything) and set(report.left_out) <= everything
    assert report.left_out


def test_a_model_that_lacks_a_part_says_which_setting_does_without(
    published: Any, small: Callable[..., Any], fresh: LayoutLMv3Backbone, tmp_path: Path
) -> None:
    before = {name: weight.clone() for name, weight in fresh.state_dict().items()}
    for setting, arm in (("image=none", {"image": "none"}), ("bias_2d=false", {"layout": False})):
        folder = tmp_path / setting
        saved(small(**arm).build(120, 1).layoutlmv3, folder)
        with pytest.raises(DocexpError, match=rf"lacks \d+ tensors of this model: .*\. Set model\.{setting}, or"):
            load_weights(fresh, str(folder))
    folder = rewritten(
        saved(published, tmp_path / "torn"), lambda t: t.pop("layoutlmv3.encoder.layer.1.output.dense.bias")
    )
    with pytest.raises(
        DocexpError, match=r"lacks 1 tensors of this model: encoder\.layer\.1\.output\.dense\.bias\. Give"
    ):
        load_weights(fresh, str(folder))
    assert all(torch.equal(weight, before[name]) for name, weight in fresh.state_dict().items())


def test_a_tensor_the_model_has_not_is_no_small_matter(
    published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path
) -> None:
    extra = {f"layoutlmv3.encoder.layer.{n}.output.dense.bias": torch.zeros(48) for n in range(2, 7)}
    folder = rewritten(saved(published, tmp_path), lambda tensors: tensors.update(extra))
    with pytest.raises(DocexpError, match=r"holds 5 tensors that this model has not: encoder\.layer\.2.* and 2 more"):
        load_weights(fresh, str(folder))
    rewritten(folder, lambda tensors: [tensors.pop(name) for name in extra])
    rewritten(folder, lambda tensors: tensors.update({"layoutlmv3.embeddings.more": torch.zeros(2)}))
    with pytest.raises(DocexpError, match=r"holds 1 tensors that this model has not: embeddings\.more"):
        load_weights(fresh, str(folder))


@pytest.mark.parametrize(
    ("changes", "vocab_size", "message"),
    [
        ({}, 99, r"has a vocabulary of 120 tokens, the tokenizer one of 99\. Leave model\.tokenizer unset"),
        (
            {"ffn_size": 32},
            120,
            r"was made with intermediate_size=64 .* intermediate_size=32\. Set model\.ffn_size=64\.$",
        ),
        (
            {"rel_pos_bins": 16},
            120,
            r"does not fit, 1 tensors differ in shape: encoder\.rel_pos_bias\.weight \[4, 32\] against \[4, 16\]",
        ),
        (
            {"max_tokens": 80},
            120,
            r"knows 64 positions of text, this model reads 80\. Set model\.max_tokens=64, or model\.allow_missing=",
        ),
        (
            {"hidden_size": 96, "coordinate_size": 16, "shape_size": 16},
            120,
            r"made with hidden_size=48, coordinate_size=8, shape_size=8 .* has hidden_size=96, .* Choose the",
        ),
        (
            {"heads": 2},
            120,
            r"was made with num_attention_heads=4 \(its config\.json\), this model has num_attention_heads=2",
        ),
        ({"layers": 1}, 120, r"num_hidden_layers=2 .* num_hidden_layers=1"),
        ({"layer_norm_eps": 1e-12}, 120, r"layer_norm_eps=1e-05 .* layer_norm_eps=1e-12"),
        ({"rel_pos_max": 64}, 120, r"max_rel_pos=128 .* max_rel_pos=64"),
        ({"patch_size": 32}, 120, r"patch_size=16 .* patch_size=32"),
    ],
)
def test_another_model_is_refused_by_name(
    published: Any, small: Callable[..., Any], tmp_path: Path, changes: dict[str, Any], vocab_size: int, message: str
) -> None:
    folder = saved(published, tmp_path)
    with pytest.raises(DocexpError, match=message):
        load_weights(small(**changes).build(vocab_size, 1), str(folder))


@pytest.mark.parametrize("size", [32, 96])
def test_weights_made_at_another_image_size_are_interpolated_and_the_report_says_so(
    published: Any, small: Callable[..., Any], tmp_path: Path, size: int
) -> None:
    backbone = small(image_size=size).build(120, 1)
    with torch.no_grad():
        published.layoutlmv3.pos_embed.normal_(generator=torch.Generator().manual_seed(0))
    report = load_weights(backbone, str(saved(published, tmp_path)))
    assert report.loaded == len(backbone.state_dict())
    new = 1 + (size // 16) ** 2
    assert report.resized == {"pos_embed": f"interpolated, 1 × 17 × 48 → 1 × {new} × 48"}
    assert f"; pos_embed interpolated, 1 × 17 × 48 → 1 × {new} × 48; ignored" in str(report)
    theirs, ours = published.layoutlmv3.pos_embed, backbone.layoutlmv3.pos_embed
    assert ours.shape[1] == 1 + (size // 16) ** 2
    assert torch.equal(ours[:, 0], theirs[:, 0])
    grid = theirs[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    side = size // 16
    expected = torch.nn.functional.interpolate(grid, (side, side), mode="bicubic").flatten(2).transpose(1, 2)
    torch.testing.assert_close(ours[:, 1:], expected)


def test_image_positions_that_are_no_square_are_refused(
    published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path
) -> None:
    torn = rewritten(saved(published, tmp_path), lambda t: t.update({"layoutlmv3.pos_embed": torch.zeros(1, 7, 48)}))
    with pytest.raises(DocexpError, match="position embeddings of 6 patches do not belong to a square grid"):
        load_weights(fresh, str(torn))


def test_folders_that_are_none(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    saved(published, tmp_path)
    file = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    told = rf"model\.safetensors is incomplete: {len(whole) - 1:,} of {len(whole):,} bytes\. Fetch or copy it again"
    with pytest.raises(DocexpError, match=told):
        load_weights(fresh, str(tmp_path))
    for torn in (whole[:500], whole[:5], b""):
        file.write_bytes(torn)
        with pytest.raises(DocexpError, match=r"model\.safetensors does not open as safetensors"):
            load_weights(fresh, str(tmp_path))
    file.unlink()
    with pytest.raises(DocexpError, match=r"holds no weights: neither model\.safetensors"):
        load_weights(fresh, str(tmp_path))
    (tmp_path / "config.json").write_text("no json")
    with pytest.raises(DocexpError, match=r"config\.json is no configuration"):
        load_weights(fresh, str(tmp_path))
    (tmp_path / "config.json").rename(tmp_path / "other.json")
    with pytest.raises(DocexpError, match=r"has no config\.json"):
        load_weights(fresh, str(tmp_path))


def test_a_hub_id_in_the_cache(
    published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--layout"
    saved(published, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("DOCEXP_ONLINE", raising=False)
    assert load_weights(fresh, "owner/layout").source == "owner/layout"
    assert_loaded(fresh, published)
    with pytest.raises(DocexpError, match="owner/other is no folder here and not in the hub cache"):
        load_weights(fresh, "owner/other")


def test_only_published_families_load(tmp_path: Path) -> None:
    class Own(Backbone):
        def forward(self, batch: Batch) -> Encoded:
            raise NotImplementedError

        def checkpoint_activations(self) -> None:
            raise NotImplementedError

    with pytest.raises(DocexpError, match="there are no published weights for Own"):
        load_weights(Own(), str(tmp_path))


def test_half_precision_weights_are_widened(published: Any, fresh: LayoutLMv3Backbone, tmp_path: Path) -> None:
    folder = rewritten(saved(published, tmp_path), lambda t: t.update({n: w.half() for n, w in t.items()}))
    load_weights(fresh, str(folder))
    assert all(weight.dtype == torch.float32 for weight in fresh.parameters())
    stock = LayoutLMv3Model.from_pretrained(folder, dtype=torch.float32).state_dict()
    assert all(
        torch.equal(weight, stock[name.removeprefix("layoutlmv3.")]) for name, weight in fresh.state_dict().items()
    )
