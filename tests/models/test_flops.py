"""Model FLOPs against torch's own counter, on rows without padding and on ragged ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from docexp.inputs.batch import Batch
from docexp.models.backbone import Backbone, Encoded
from docexp.models.flops import STEP, matrix_weights
from docexp.tasks.tagging.task import Tagging

torch.set_num_threads(1)


def counted(module: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter:
        module()
    return float(counter.get_total_flops())


@pytest.mark.parametrize("arm", [{}, {"image": "none"}, {"text": False}, {"layout": False}], ids=str)
def test_the_formula_counts_the_products_that_torch_counts(small: Any, make_batch: Any, arm: dict) -> None:
    settings = small(attention="eager", **arm)  # torch's counter does not see into torch's fused kernel on a CPU
    backbone, batch = settings.build(120, 1), make_batch((40, 40, 40))
    work = backbone.work(batch)
    seen = 40 * settings.text + 17 * (settings.image == "patches")
    assert work.positions.tolist() == [seen] * 3
    assert float(work.flops.sum()) == counted(lambda: backbone(batch))


def test_forward_and_backward_are_three_forward_passes(small: Any, make_batch: Any) -> None:
    """But for the gradient of the pixels, which nothing needs: in this tiny model 2 %, in the base model 0.1 %."""
    # eager: the tiled attention computes its weights again in the backward pass, which is no model FLOP
    backbone, batch = small(attention="eager").build(120, 1), make_batch((40, 40))
    found = counted(lambda: backbone(batch).text.sum().backward())
    of_pixels = 2 * (2 * 16 * (3 * 16 * 16) * 48)  # rows, and the product of 16 patches of 3 × 16 × 16 with the kernel
    assert found == STEP * float(backbone.work(batch).flops.sum()) - of_pixels
    text = small(attention="eager", image="none").build(120, 1)
    found = counted(lambda: text(batch).text.sum().backward())
    assert found == STEP * float(text.work(batch).flops.sum())


def test_padding_counts_nothing(small: Any, make_batch: Any) -> None:
    backbone = small().build(120, 1)
    ragged = backbone.work(make_batch((33, 7))).flops
    alone = [backbone.work(make_batch((length,))).flops for length in (33, 7)]
    assert ragged.tolist() == [float(flops) for flops in alone]


@pytest.mark.parametrize("labels", [2, 12], ids=["linear head", "two-layer head"])
def test_the_head_of_tagging(labels: int, make_batch: Any) -> None:
    task = Tagging([f"l{number}" for number in range(labels)], hidden_size=48, dropout=0.0)
    batch = make_batch((40, 40))
    encoded = Encoded(text=torch.randn(2, 40, 48))
    assert float(task.flops(batch).sum()) == counted(lambda: task.classifier(encoded.text))


class Own(Backbone):
    provides = frozenset({"text"})
    hidden_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix, self.norm = nn.Embedding(120, 8), nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, batch: Batch) -> Encoded:
        return Encoded(text=self.norm(self.mix(self.words(batch.input_ids))))

    def checkpoint_activations(self) -> None:
        pass


def test_a_backbone_of_ones_own_has_an_estimate(make_batch: Any) -> None:
    backbone, batch = Own(), make_batch((40, 40))
    assert matrix_weights(backbone) == 64
    assert float(backbone.work(batch).flops.sum()) == counted(lambda: backbone(batch))
