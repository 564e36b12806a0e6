"""Parts that do not train."""

from collections.abc import Callable
from typing import Any

import pytest

from docexp.errors import DocexpError
from docexp.models.freezing import freeze


def test_what_is_named_does_not_train_and_the_rest_does(
    small: Callable[..., Any], make_batch: Callable[..., Any]
) -> None:
    backbone = small().build(120, 1)
    freeze(backbone, ["embeddings", "encoder.layer.0", "encoder.rel_pos_*"])
    backbone(make_batch((9, 5))).text.sum().backward()
    for name, weight in backbone.named_parameters():
        bare = name.removeprefix("layoutlmv3.")
        frozen = bare.startswith(("embeddings.", "encoder.layer.0.", "encoder.rel_pos"))
        assert weight.requires_grad != frozen and (weight.grad is None) == frozen, name


def test_a_name_of_nothing_is_refused(small: Callable[..., Any]) -> None:
    with pytest.raises(DocexpError, match=r"model\.freeze: encoder\.layer\.2 matches none of 52 names\. Nearest: "):
        freeze(small().build(120, 1), ["encoder.layer.2"])
