"""Every shipped model under every task that it fits: each trainable parameter gets a gradient, so plain DDP works."""

from collections.abc import Callable

import pytest
import torch

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.fitting import models_that_fit
from docexp.config.project import Project
from docexp.inputs.batch import Batch
from docexp.inputs.tokenizer import Tokenizer
from docexp.models.freezing import freeze
from docexp.tasks.settings import Given
from docexp.tasks.tagging.targets import TAGS

torch.set_num_threads(1)

SMALL = [choice for choice in Project().choices("model") if choice.endswith("_tiny")]
READING = models_that_fit(Project(), lambda model: "text" in model.provides)


def test_every_family_has_a_tiny_flavour() -> None:
    families = {choice.rpartition("_")[0] for choice in Project().choices("model")}
    some = {"layoutlm", "layoutlmv2", "layoutxlm", "dit"}
    assert {choice.removesuffix("_tiny") for choice in SMALL} == families >= some


@pytest.mark.parametrize("choice", [choice for choice in SMALL if choice in READING])
def test_tagging_reaches_every_trainable_parameter(
    make_batch: Callable[..., Batch], byte_tokenizer: Tokenizer, choice: str
) -> None:
    settings = check(compose(["experiment=finetune/funsd", f"model={choice}", "task.head_dropout=0"]))
    backbone = settings.model.build(300, 1)
    freeze(backbone, settings.model.freeze)
    task = settings.task.build(Given(data=settings.data, tokenizer=byte_tokenizer), backbone.hidden_size)
    batch = make_batch((23, 9), vocab_size=300, image_size=settings.model.image_side)
    batch.targets[TAGS] = torch.where(batch.mask, batch.input_ids % len(task.tags), -100)
    sum(task.losses(backbone(batch), batch).sums.values()).backward()
    named = [*backbone.named_parameters(), *task.named_parameters()]
    assert not [name for name, weight in named if weight.requires_grad and weight.grad is None]
