"""What a run says about its objectives' targets, once, beside its scores."""

from collections.abc import Callable


def test_labels_of_nearly_one_class_are_remarked_on_once_in_training_and_with_the_result(train: Callable) -> None:
    # two of a hundred patches are hidden, and a word must lie under them wholly to be unaligned
    mim = ("objective.mim.target=pixels", "objective.mim.ratio=0.02", "model.image_size=160", "objective.wpa.rule=all")
    plan = ("trainer.max_steps=2", "trainer.validate_every=1", "trainer.global_batch=2")
    status, said = train("task=pretraining", "data=synthetic_forms", "objective=[mim,wpa]", *mim, *plan).wait()
    assert status == 0, said
    lines = [line for line in said.splitlines() if line.startswith("wpa: ")]
    assert len(lines) == 2 and all(" % of the targets are aligned, so that" in line for line in lines), said
