"""Which rows of an index a run trains on, validates on and is scored on: the hygiene of splits in one place."""

from collections.abc import Sequence

from docexp.errors import DocexpError
from docexp.inputs.settings import PageSettings
from docexp.shards.corpora import Corpora
from docexp.shards.index import Index
from docexp.training.settings import TrainerSettings


def check_splits(corpora: Corpora, data: PageSettings, trainer: TrainerSettings, scored: Sequence[str]) -> None:
    """Refuses data without a split to train on, to validate on where that is asked for, or to score the run on.

    Every corpus is trained on; one of them is enough to validate and to score on.

    Raises:
        DocexpError: names the split, those there are, and what to change.
    """
    for index in corpora.indices:
        _check_split(index, "train", "train on")
    if scored_split(corpora, scored) is None:
        _check_split(corpora.indices[0], scored[0], "score the run on")
    validated = [validation_split(index, data, trainer) for index in corpora.indices]
    if validated[0] is not None and not any(
        split in index.splits and len(index.split(split))
        for split, index in zip(validated, corpora.indices, strict=True)
        if split is not None
    ):
        raise DocexpError(
            f"{corpora.indices[0].where} has no validation split, and too few training documents to hold a tenth "
            "out. Set trainer.validate_every=0."
        )


def scored_split(corpora: Corpora, scored: Sequence[str]) -> str | None:
    """The split that a run's result is scored on: the first of ``scored`` (``TaskSettings.scored_splits``) there is."""
    return next((name for name in scored if corpora.has(name)), None)


def _check_split(index: Index, split: str, purpose: str) -> None:
    if split not in index.splits or not len(index.split(split)):
        there = ", ".join(name for name in index.splits if len(index.split(name)))
        raise DocexpError(f"{index.where} has no {split} split to {purpose}, only {there}. Prepare it with one.")


def validation_split(index: Index, data: PageSettings, trainer: TrainerSettings) -> str | None:
    """The split that validations run on: the dataset's own, else ``minival``; ``test`` under ``best_test``.

    Raises:
        DocexpError: validations are asked for and there is nothing to hold out.
    """
    if not trainer.validate_every:
        return None
    if trainer.selection == "best_test":
        return "test"
    if "validation" in index.splits:
        return "validation"
    if data.hold_out:
        return "minival"
    raise DocexpError(
        f"{data.name} has no validation split and data.hold_out=false keeps every training page for training. "
        "Set trainer.validate_every=0, or data.hold_out=true."
    )


def training_split(index: Index, data: PageSettings, trainer: TrainerSettings) -> str:
    """``train``, or ``train+minival`` where minival need not be kept apart.

    A run that holds nothing out, or that selects on the test split as the papers do, trains on every document.
    """
    whole = "validation" in index.splits or not data.hold_out or trainer.selection == "best_test"
    return "train+minival" if whole and "minival" in index.splits else "train"
