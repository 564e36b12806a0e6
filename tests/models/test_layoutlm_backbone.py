"""LayoutLM behind the backbone contract, against transformers' own class."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import LayoutLMForTokenClassification, LayoutLMModel

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.heads import TokenClassifier
from docexp.models.layoutlm import LayoutLMSettings

torch.set_num_threads(1)

SMALL = {"layers": 2, "heads": 4, "hidden_size": 48, "ffn_size": 64, "max_tokens": 64}


def small(**changes: Any) -> LayoutLMSettings:
    return LayoutLMSettings(**{**SMALL, "dropout": 0.0, "attention_dropout": 0.0, **changes})


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [(23, 17, 9), (16, 16)], ids=["padded", "full"])
@pytest.mark.parametrize("precision", ["fp32", "float64", "bf16-mixed"])
def test_outputs_and_gradients_equal_those_of_the_stock_model(
    make_batch: Callable[..., Batch],
    attention: str,
    lengths: tuple[int, ...],
    precision: str,
    make_everything_matter: Callable[..., None],
) -> None:
    dtype = torch.float64 if precision == "float64" else torch.float32
    backbone, head = small(attention=attention).build(120, 1).to(dtype), TokenClassifier(48, 7, 0.0).to(dtype)
    make_everything_matter(backbone)
    make_everything_matter(head)
    config = type(backbone.config)(**{**backbone.config.to_dict(), "num_labels": 7})
    stock = LayoutLMForTokenClassification._from_config(config, attn_implementation=attention).to(dtype)
    left = stock.load_state_dict({**backbone.state_dict(), **head.state_dict()}, strict=False)
    assert not left.unexpected_keys and {name.split(".")[1] for name in left.missing_keys} == {"pooler"}
    batch = make_batch(lengths, image_size=None)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        logits = head(backbone(batch).text)
        inputs = {"input_ids": batch.input_ids, "bbox": batch.bbox, "attention_mask": batch.mask.long()}
        expected = stock(**inputs).logits
    assert torch.equal(logits, expected)
    for found in (logits, expected):
        found[batch.mask].double().square().mean().backward()
    theirs = {name: weight.grad for name, weight in stock.named_parameters() if "pooler" not in name}
    ours = {name: weight.grad for model in (backbone, head) for name, weight in model.named_parameters()}
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert gradient is not None and torch.equal(ours[name], gradient), name


def test_the_stock_model_leaves_its_pooler_without_a_gradient(make_batch: Callable[..., Batch]) -> None:
    """Why there is none here: every parameter must get a gradient, or plain DDP stops."""
    batch = make_batch((9,), image_size=None)
    stock = LayoutLMModel(small().build(120, 1).config)
    stock(batch.input_ids, batch.bbox).last_hidden_state.sum().backward()
    assert {n for n, w in stock.named_parameters() if w.grad is None} == {"pooler.dense.weight", "pooler.dense.bias"}
    backbone = small().build(120, 1)
    for name, value in vars(backbone(batch)).items():
        if value is not None:
            backbone.zero_grad(set_to_none=True)
            value.square().sum().backward(retain_graph=True)
            assert all(weight.grad is not None for weight in backbone.parameters()), name
    assert backbone.provides == small().provides == {"text", "pooled"}
    assert torch.equal(backbone(batch).pooled, backbone(batch).text[:, 0])


def test_the_same_seed_draws_the_same_weights() -> None:
    torch.manual_seed(3)
    backbone = small().build(120, 1)
    torch.manual_seed(3)
    stock = LayoutLMModel(backbone.config).state_dict()
    assert all(torch.equal(weight, stock[name]) for name, weight in backbone.layoutlm.state_dict().items())


def test_without_layout_no_place_changes_anything(
    make_batch: Callable[..., Batch], make_everything_matter: Callable[..., None]
) -> None:
    torch.manual_seed(0)
    blind, seeing = small(layout=False).build(120, 1), small().build(120, 1)
    make_everything_matter(seeing)
    batch, moved = make_batch((23, 9), image_size=None), make_batch((23, 9), image_size=None)
    moved.bbox = moved.bbox // 2
    assert torch.equal(blind(batch).text, blind(moved).text)
    assert not torch.equal(seeing(batch).text, seeing(moved).text)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_checkpointed_activations_change_no_bit(
    make_batch: Callable[..., Batch], check_checkpointing: Callable[..., None], attention: str
) -> None:
    settings = small(dropout=0.1, attention_dropout=0.1, attention=attention, layers=4)
    check_checkpointing(lambda: settings.build(120, 1), make_batch((23, 9), image_size=None))


def test_what_a_pass_has_to_do(make_batch: Callable[..., Batch]) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    batch, backbone = make_batch((16, 16), image_size=None), small(attention="eager").build(120, 1).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        backbone(batch)
    work = backbone.work(batch)
    assert float(work.flops.sum()) == pytest.approx(counter.get_total_flops()) and work.positions.tolist() == [16, 16]


def test_a_text_that_is_too_long_is_refused(make_batch: Callable[..., Batch]) -> None:
    with pytest.raises(DocexpError, match="a text of 65 tokens in a model of max_tokens=64"):
        small().build(120, 1)(make_batch((65,), image_size=None))
    assert small().build(120, 1)(make_batch((64,), image_size=None)).text.shape == (1, 64, 48)
