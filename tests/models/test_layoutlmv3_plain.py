"""Every arm's model in transformers' own class: the same outputs, or a reason why not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import LayoutLMv3ForTokenClassification

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Backbone, Encoded
from docexp.models.heads import TokenClassifier
from docexp.models.layoutlmv3 import LayoutLMv3Settings

torch.set_num_threads(1)

ARMS = [
    {},
    {"layout": False},
    {"image": "none"},
    {"image": "none", "layout": False},
    {"bias_1d": False},
    {"bias_2d": False},
    {"bias_1d": False, "bias_2d": False},
    {"image_position": "2d"},
    {"image_position": "none"},
    {"attention": "eager", "attention_softmax": "plain"},
    {"image_size": 32},
]


@pytest.mark.parametrize("labels", [7, 13], ids=["linear", "mlp"])
@pytest.mark.parametrize("arm", ARMS, ids=str)
def test_transformers_own_class_computes_the_same(
    small: Callable[..., LayoutLMv3Settings],
    make_batch: Callable[..., Batch],
    make_everything_matter: Callable[..., None],
    arm: dict[str, Any],
    labels: int,
) -> None:
    settings = small(**arm)
    backbone, head = settings.build(120, 1), TokenClassifier(48, labels, 0.0)
    make_everything_matter(backbone)
    make_everything_matter(head)
    plain = backbone.plain()
    plain.config.num_labels = labels
    model = LayoutLMv3ForTokenClassification(plain.config).eval()
    model.load_state_dict({**plain.tensors, **head.state_dict()}, strict=True)
    batch = make_batch((23, 9), image_size=settings.image_side)
    inputs: dict[str, Any] = {"input_ids": batch.input_ids, "bbox": batch.bbox, "attention_mask": batch.mask.long()}
    assert plain.image_size == settings.image_side
    if plain.image_size is not None:
        assert batch.pixels is not None
        inputs["pixel_values"] = (batch.pixels.float() / 255 - 0.5) / 0.5
    with torch.no_grad():
        ours, theirs = head(backbone(batch).text), model(**inputs).logits
    torch.testing.assert_close(theirs[batch.mask], ours[batch.mask], rtol=0, atol=2e-4)
    assert bool(plain.notes) == bool({"layout", "image_position"} & arm.keys() or arm == {"bias_1d": False})


@pytest.mark.parametrize(
    ("arm", "reason"),
    [
        ({"valid_span": True}, "transformers' LayoutLMv3 knows no valid_span"),
        ({"text": False, "pyramid": [0, 0, 1, 1]}, "transformers' LayoutLMv3 has no pyramid"),
    ],
)
def test_what_transformers_cannot_compute_is_refused_with_the_reason(
    small: Callable[..., LayoutLMv3Settings], arm: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DocexpError, match=reason):
        small(**arm).build(120, 1).plain()
    with pytest.raises(DocexpError, match="there is nothing to compare with"):
        small(**arm).build_stock(120, 1)


def test_a_model_of_ones_own_has_nothing_to_be_exported_as() -> None:
    class Own(Backbone):
        def forward(self, batch: Batch) -> Encoded:
            raise NotImplementedError

        def checkpoint_activations(self) -> None:
            raise NotImplementedError

    with pytest.raises(DocexpError, match="transformers has no class for Own"):
        Own().plain()
