"""Precision, recall and F1 of tagged entities, as seqeval scores them, exact under any number of ranks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from docexp.errors import DocexpError, nearest

MODES = ("", "_strict")
CORRECT, PREDICTED, GOLD = range(3)

Span = tuple[int, int, int]
"""Class index, first token, last token + 1."""


class EntityF1(Metric):
    """Scores tag sequences (``O``, ``B-label``, ``I-label``) by the entities they spell, each counted once.

    Two readings of the same tags stand side by side. The field's published numbers are seqeval's default (the CoNLL
    script's, lenient): an ``I-`` without a ``B-`` before it begins an entity. *Strict* IOB2 counts only what a ``B-``
    begins. ``compute`` returns floats under these keys, ``_strict`` appended for the strict reading:

    - ``entity_f1``, ``precision``, ``recall``: over all entities (micro); ``support``: gold entities;
    - ``<class>/f1``, ``<class>/precision``, ``<class>/recall``, ``<class>/support``: the same for one class;
    - ``recall_annotated``, ``annotated`` and ``<class>/…`` (lenient only): the same correct entities over all that
      were annotated, with those that no tag can spell because they hold no visible word.

    A quotient without denominator is 0.

    Source: seqeval 1.2.2, ``metrics/sequence_labeling.py`` (default) and ``scheme.py`` (``mode="strict"``, ``IOB2``).

    Args:
        classes: the entity labels that are scored.

    Raises:
        DocexpError: a tag that is no ``O``, ``B-`` or ``I-`` of the classes, named with its sequence and place.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    counts: Tensor  # [modes, 3, classes]: correct, predicted, gold
    annotated: Tensor  # [classes]

    def __init__(self, classes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = tuple(classes)
        self.tags: dict[str, tuple[str, int]] = {"O": ("O", -1)}
        for index, name in enumerate(self.classes):
            self.tags[f"B-{name}"] = ("B", index)
            self.tags[f"I-{name}"] = ("I", index)
        shape = (len(MODES), 3, len(self.classes))
        self.add_state("counts", torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("annotated", torch.zeros(len(self.classes), dtype=torch.int64), dist_reduce_fx="sum")

    def update(
        self,
        predicted: Sequence[Sequence[str]],
        gold: Sequence[Sequence[str]],
        annotated: Mapping[str, int] | None = None,
    ) -> None:
        """Adds sequences, one tag for each word.

        Args:
            predicted: the model's tags.
            gold: the true tags, of the same lengths.
            annotated: how many entities of each class were annotated on these sequences, with those that cannot be
                tagged; ``None`` when ``gold`` spells them all.
        """
        seen = [[[0 for _ in self.classes] for _ in range(3)] for _ in MODES]
        for number, (guess, truth) in enumerate(zip(predicted, gold, strict=True)):
            if len(guess) != len(truth):
                raise ValueError(f"sequence {number}: {len(guess)} predicted tags, {len(truth)} gold tags")
            parsed = self._parse(guess, f"predicted sequence {number}"), self._parse(truth, f"gold sequence {number}")
            for mode, strict in enumerate((False, True)):
                found, true = (set(_spans(tags, strict)) for tags in parsed)
                for row, spans in ((CORRECT, found & true), (PREDICTED, found), (GOLD, true)):
                    for index, _, _ in spans:
                        seen[mode][row][index] += 1
        counts = torch.tensor(seen, dtype=torch.int64)
        self.annotated += self._annotated(counts, annotated).to(self.annotated.device)
        self.counts += counts.to(self.counts.device)

    def compute(self) -> dict[str, float]:
        """All scores under the keys that the class describes."""
        scores: dict[str, float] = {}
        annotated = self.annotated.tolist()
        for suffix, rows in zip(MODES, self.counts.tolist(), strict=True):
            scores |= _scores("", suffix, [sum(row) for row in rows])
            for name, *numbers in zip(self.classes, *rows, strict=True):
                scores |= _scores(f"{name}/", suffix, numbers)
        correct = self.counts[0, CORRECT].tolist()
        for prefix, right, all_of_them in [
            ("", sum(correct), sum(annotated)),
            *zip([f"{name}/" for name in self.classes], correct, annotated, strict=True),
        ]:
            scores[f"{prefix}recall_annotated"] = _divide(right, all_of_them)
            scores[f"{prefix}annotated"] = float(all_of_them)
        return scores

    def _parse(self, tags: Sequence[str], where: str) -> list[tuple[str, int]]:
        try:
            return [self.tags[tag] for tag in tags]
        except KeyError:
            place = next(i for i, tag in enumerate(tags) if tag not in self.tags)
        close = nearest(str(tags[place]), list(self.tags))
        hint = f" Nearest: {close[0]}." if close else ""
        raise DocexpError(
            f"{where}, tag {place}: {tags[place]!r} is none of O, B-, I- with {', '.join(self.classes)}.{hint}"
        )

    def _annotated(self, counts: Tensor, annotated: Mapping[str, int] | None) -> Tensor:
        if annotated is None:
            return counts[0, GOLD]
        unknown = sorted(set(annotated) - set(self.classes))
        if unknown:
            raise DocexpError(f"annotated entities of {unknown[0]}, which is none of {', '.join(self.classes)}")
        numbers = torch.tensor([annotated.get(name, 0) for name in self.classes], dtype=torch.int64)
        # strict gold has exactly one span for each entity that is tagged; lenient may split one that is interleaved
        for name, number, tagged in zip(self.classes, numbers.tolist(), counts[1, GOLD].tolist(), strict=True):
            if number < tagged:
                raise DocexpError(f"{number} entities of {name} annotated, but {tagged} tagged; annotated counts all")
        return numbers


def _spans(tags: list[tuple[str, int]], strict: bool) -> Iterator[Span]:
    """The entities that tags spell, in order."""
    start, current = 0, -1  # current: the class of the entity that is open, -1 when none is
    for place, (prefix, label) in enumerate(tags):
        if prefix == "I" and label == current:
            continue
        if current >= 0:
            yield current, start, place
        opens = prefix == "B" or (prefix == "I" and not strict)
        start, current = place, label if opens else -1
    if current >= 0:
        yield current, start, len(tags)


def _scores(prefix: str, suffix: str, numbers: Sequence[int]) -> dict[str, float]:
    correct, predicted, gold = numbers
    precision, recall = _divide(correct, predicted), _divide(correct, gold)
    return {
        f"{prefix or 'entity_'}f1{suffix}": _divide(2 * precision * recall, precision + recall),
        f"{prefix}precision{suffix}": precision,
        f"{prefix}recall{suffix}": recall,
        f"{prefix}support{suffix}": float(gold),
    }


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
