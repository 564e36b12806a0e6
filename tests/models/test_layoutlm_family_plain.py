"""LayoutLM for plain transformers, and why LayoutLMv2 is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import LayoutLMForTokenClassification

from docexp.errors import DocexpError
from docexp.inference.folder import open_model, open_processor, write_model, write_processor
from docexp.inputs.batch import Batch
from docexp.inputs.word_piece import SPECIAL_TOKENS, WordPiece
from docexp.models.layoutlm import LayoutLMSettings
from docexp.models.layoutlmv2 import LayoutLMv2Settings
from docexp.models.plain import PlainHead
from docexp.models.transformer_settings import TransformerSettings
from docexp.tasks.tagging.task import Tagging

torch.set_num_threads(1)

SIZES = {"layers": 1, "heads": 4, "hidden_size": 48, "ffn_size": 64, "max_tokens": 64}


def head_of(labels: int) -> PlainHead:
    return Tagging([f"l{number}" for number in range(labels)], 48, 0.0).plain_head()


@pytest.mark.parametrize("layout", [True, False])
def test_layoutlm_computes_the_same_in_plain_transformers(
    tmp_path: Path, make_batch: Callable[..., Batch], layout: bool
) -> None:
    torch.manual_seed(0)
    backbone, head = LayoutLMSettings(**SIZES, layout=layout).build(120, 1).eval(), head_of(3)
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    plain = backbone.plain()
    name = write_model(tmp_path, plain, head)
    write_processor(tmp_path, plain, WordPiece({t: n for n, t in enumerate([*SPECIAL_TOKENS, "of"])}), 64)
    model = open_model(tmp_path, name)
    assert isinstance(model, LayoutLMForTokenClassification)
    batch = make_batch((23, 9), image_size=None)
    found = model(input_ids=batch.input_ids, bbox=batch.bbox, attention_mask=batch.mask.long()).logits
    torch.testing.assert_close(found, head.logits(backbone(batch)), rtol=0, atol=1e-6)
    processed = open_processor(tmp_path, plain.family, False)(["of"], boxes=[[1, 2, 3, 4]])
    assert processed["bbox"] == [[0] * 4, [1, 2, 3, 4], [1000] * 4]
    assert any("pooler is zero" in note for note in plain.notes)
    assert any("trained without boxes" in note for note in plain.notes) != layout


def test_a_head_that_transformers_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocexpError, match=r"LayoutLMForTokenClassification has other parts .* classifier\.bias"):
        write_model(tmp_path, LayoutLMSettings(**SIZES).build(120, 1).plain(), head_of(5))  # 11 tags: two layers


def test_layoutlmv2_says_why_it_is_not_exported() -> None:
    settings: TransformerSettings = LayoutLMv2Settings(**SIZES, coordinate_size=8, shape_size=8, image="none")
    with pytest.raises(DocexpError, match="with detectron2 alone"):
        settings.build(120, 1).plain()
