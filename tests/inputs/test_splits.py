"""Which split a run trains on and validates on."""

from types import SimpleNamespace

import pytest

from docexp.errors import DocexpError
from docexp.inputs.settings import DataSettings
from docexp.inputs.splits import training_split, validation_split
from docexp.training.settings import TrainerSettings

WITH, WITHOUT = ("train", "validation", "test"), ("train", "minival", "test")


@pytest.mark.parametrize(
    ("splits", "hold_out", "every", "selection", "trains", "validates"),
    [
        (WITHOUT, True, 10, "last", "train", "minival"),
        (WITHOUT, True, 0, "last", "train", None),
        (WITHOUT, True, 10, "best_minival", "train", "minival"),
        (WITHOUT, True, 10, "best_test", "train+minival", "test"),
        (WITHOUT, False, 0, "last", "train+minival", None),
        (WITHOUT, False, 10, "last", None, DocexpError),
        (WITH, True, 10, "last", "train", "validation"),
        (WITH, True, 10, "best_minival", "train", "validation"),
        (WITH, True, 10, "best_test", "train", "test"),
        (WITH, False, 10, "last", "train", "validation"),
    ],
)
def test_hygiene(splits, hold_out, every, selection, trains, validates) -> None:
    index = SimpleNamespace(splits=dict.fromkeys(splits))
    data = DataSettings(name="x", shards="x", hold_out=hold_out)
    trainer = TrainerSettings(max_steps=1, global_batch=1, validate_every=every, selection=selection)
    if validates is DocexpError:
        with pytest.raises(DocexpError, match="no validation split"):
            validation_split(index, data, trainer)
        return
    assert validation_split(index, data, trainer) == validates
    assert training_split(index, data, trainer) == trains
    if validates == "minival":
        assert "minival" not in training_split(index, data, trainer)
