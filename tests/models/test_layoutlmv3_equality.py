"""The mended model with eager attention against the stock one: equal weights, bit-equal outputs and gradients."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LayoutLMv3ForTokenClassification, LayoutLMv3Model
from transformers.models.layoutlmv3 import modeling_layoutlmv3

from docexp.inputs.batch import Batch
from docexp.models.heads import ClassificationHead, TokenClassifier
from docexp.models.layoutlmv3.backbone import LayoutLMv3Backbone

torch.set_num_threads(1)

TABLES = {f"layoutlmv3.encoder.{name}.weight" for name in ("rel_pos_bias", "rel_pos_x_bias", "rel_pos_y_bias")}
RAGGED, FULL = (23, 17, 9), (16, 16)


def stock_of(backbone: LayoutLMv3Backbone, labels: int) -> LayoutLMv3ForTokenClassification:
    config = type(backbone.config)(**{**backbone.config.to_dict(), "num_labels": labels})
    return LayoutLMv3ForTokenClassification(config)


@pytest.fixture
def copied(make_everything_matter: Callable[[nn.Module], None]) -> Callable[..., None]:
    """Our state dict into the stock model, by name, strictly."""

    def copy(backbone: nn.Module, head: nn.Module, stock: nn.Module) -> None:
        make_everything_matter(backbone)
        make_everything_matter(head)
        stock.load_state_dict({**backbone.state_dict(), **head.state_dict()}, strict=True)

    return copy


def pixel_values(batch: Batch, dtype: torch.dtype) -> Tensor:
    assert batch.pixels is not None
    return ((batch.pixels.float() / 255 - 0.5) / 0.5).to(dtype)


def stock_inputs(batch: Batch, dtype: torch.dtype) -> dict[str, Any]:
    return {
        "input_ids": batch.input_ids,
        "bbox": batch.bbox,
        "attention_mask": batch.mask.long(),
        "pixel_values": pixel_values(batch, dtype),
    }


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    target = torch.where(batch.mask, batch.input_ids % logits.shape[-1], -100)
    return F.cross_entropy(logits.flatten(0, 1).double(), target.flatten())


def gradients(*models: nn.Module) -> dict[str, Tensor | None]:
    return {name: weight.grad for model in models for name, weight in model.named_parameters()}


@pytest.mark.parametrize("lengths", [RAGGED, FULL], ids=["padded", "full"])
@pytest.mark.parametrize("labels", [7, 13], ids=["linear", "mlp"])
@pytest.mark.parametrize("train_rel_pos", [False, True], ids=["frozen", "trained"])
@pytest.mark.parametrize("precision", ["fp32", "float64", "bf16-mixed"])
def test_outputs_and_gradients_equal_those_of_the_stock_model(
    small: Callable[..., Any],
    make_batch: Callable[..., Batch],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    train_rel_pos: bool,
    labels: int,
    lengths: tuple[int, ...],
    copied: Callable[..., None],
) -> None:
    dtype = torch.float64 if precision == "float64" else torch.float32
    backbone = small(attention="eager", train_rel_pos=train_rel_pos).build(120, 1)
    head, stock = TokenClassifier(48, labels, 0.0), stock_of(backbone, labels)
    copied(backbone, head, stock)
    for model in (backbone, head, stock):
        model.to(dtype)
    batch = make_batch(lengths)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        logits = head(backbone(batch).text)
        with monkeypatch.context() as patch:
            if train_rel_pos:  # the oracle of the biases' gradients: the stock model without its no_grad
                patch.setattr(modeling_layoutlmv3.torch, "no_grad", contextlib.nullcontext)
            expected = stock(**stock_inputs(batch, dtype)).logits
    assert torch.equal(logits, expected)
    loss_of(logits, batch).backward()
    loss_of(expected, batch).backward()
    ours, theirs = gradients(backbone, head), gradients(stock)
    without = {name for name, gradient in ours.items() if gradient is None}
    assert without == {name for name, gradient in theirs.items() if gradient is None}
    assert without == (set() if train_rel_pos else TABLES)
    for name in ours.keys() - without - TABLES:
        assert torch.equal(ours[name], theirs[name]), name
    for name in TABLES - without:
        assert theirs[name].abs().max() > 1e-5
        # summed in another order
        tolerance = 1e-12 if dtype == torch.float64 else 1e-5
        torch.testing.assert_close(ours[name], theirs[name], rtol=tolerance, atol=tolerance * theirs[name].abs().max())


def test_the_same_seed_drops_the_same_values(
    small: Callable[..., Any], make_batch: Callable[..., Batch], copied: Callable[..., None]
) -> None:
    backbone = small(attention="eager", dropout=0.2, attention_dropout=0.3).build(120, 1)
    head, stock, batch = TokenClassifier(48, 13, 0.2), stock_of(backbone, 13), make_batch(RAGGED)
    copied(backbone, head, stock)
    stock.train()
    torch.manual_seed(5)
    logits = head(backbone(batch).text)
    torch.manual_seed(5)
    assert torch.equal(logits, stock(**stock_inputs(batch, torch.float32)).logits)
    assert not torch.equal(logits, head(backbone(batch).text))


def test_the_stock_model_leaves_the_biases_without_a_gradient_and_refuses_checkpointing(
    small: Callable[..., Any], make_batch: Callable[..., Batch]
) -> None:
    stock = stock_of(small().build(120, 1), 7)
    batch = make_batch(RAGGED)
    loss_of(stock(**stock_inputs(batch, torch.float32)).logits, batch).backward()
    without = {name for name, gradient in gradients(stock).items() if gradient is None}
    assert without == TABLES
    enable = getattr(stock, "activation_checkpointing_enable", None) or stock.gradient_checkpointing_enable
    with pytest.raises(ValueError, match="does not support"):
        enable()


@pytest.mark.parametrize("labels", [7, 13])
def test_the_same_seed_draws_the_same_weights(small: Callable[..., Any], labels: int) -> None:
    torch.manual_seed(3)
    backbone = small(rel_pos_init="normal").build(120, 1)
    head = TokenClassifier(48, labels, 0.1)
    torch.manual_seed(3)
    stock = stock_of(backbone, labels).state_dict()
    ours = {**backbone.state_dict(), **head.state_dict()}
    assert ours.keys() == stock.keys()
    for name, weight in ours.items():
        assert torch.equal(weight, stock[name]), name


def test_no_position_changes_the_others_when_padding_grows(
    small: Callable[..., Any], make_batch: Callable[..., Batch], make_everything_matter: Callable[..., None]
) -> None:
    backbone = small().build(120, 1).double()
    make_everything_matter(backbone)
    batch, longer = make_batch((9,)), make_batch((9, 23))
    longer.input_ids[0, :9], longer.bbox[0, :9], longer.pixels[0] = batch.input_ids[0], batch.bbox[0], batch.pixels[0]
    torch.testing.assert_close(backbone(longer).text[0, :9], backbone(batch).text[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(backbone(longer).patches[0], backbone(batch).patches[0], rtol=0, atol=1e-12)


def test_heads_are_the_published_ones(small: Callable[..., Any], make_everything_matter: Callable[..., None]) -> None:
    config = small().build(120, 1).config
    config.num_labels = 5
    stock = modeling_layoutlmv3.LayoutLMv3ClassificationHead(config)
    head = ClassificationHead(48, 5, 0.0)
    make_everything_matter(head)
    stock.load_state_dict(head.state_dict(), strict=True)
    hidden = torch.randn(3, 48)
    assert torch.equal(head(hidden), stock(hidden))


def test_the_bare_stock_model_takes_the_state_dict_too(small: Callable[..., Any]) -> None:
    backbone = small().build(120, 1)
    stock = LayoutLMv3Model(backbone.config)
    stock.load_state_dict(backbone.layoutlmv3.state_dict(), strict=True)
