"""Globs over names, and names in short."""

import pytest

from docexp.errors import DocexpError
from docexp.models.weight_names import in_short, matching

NAMES = ["embeddings.word", "encoder.layer.1.dense.bias", "encoder.layer.11.dense.bias", "cls_token"]


def test_a_pattern_is_a_name_a_glob_or_a_module() -> None:
    assert matching(["cls_token"], NAMES, "model.freeze") == {"cls_token"}
    assert matching(["encoder.layer.1"], NAMES, "model.freeze") == {"encoder.layer.1.dense.bias"}
    assert matching(["encoder.*", "embeddings"], NAMES, "model.freeze") == set(NAMES[:3])
    assert matching([], NAMES, "model.freeze") == set()


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("encoder.layers.1", "Nearest: encoder.layer.1."),
        ("embeddings.words", "Nearest: embeddings.word."),
        ("zzz", "There are: "),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(pattern: str, hint: str) -> None:
    with pytest.raises(DocexpError) as refused:
        matching([pattern], NAMES, "model.freeze")
    assert f"model.freeze: {pattern} matches none of 4 names. {hint}" in str(refused.value)


def test_all_names_in_short() -> None:
    layers = [
        f"encoder.layer.{n}.{part}.{last}" for n in (0, 1, 2, 5) for part in ("a", "b") for last in ("weight", "bias")
    ]
    assert in_short([*layers, "cls_token", "norm.weight", "encoder.layer.7.c.weight"]) == (
        "cls_token, encoder.layer.7.c.weight, encoder.layer.{0-2,5}.a.{bias,weight}, "
        "encoder.layer.{0-2,5}.b.{bias,weight}, norm.weight"
    )
    assert in_short([]) == ""


def test_a_large_part_of_a_model_stands_as_one() -> None:
    blocks = [f"visual.{kind}{depth}.norm.weight" for kind in "abcdefgh" for depth in range(4)]
    assert in_short([*blocks, "pooler.weight"]) == "pooler.weight, visual.* (32)"
    assert "visual.*" not in in_short(blocks[:8])
