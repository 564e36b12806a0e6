"""Scores of objectives against what counting target by target gives."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.models.backbone import Encoded
from docexp.objectives.metric import ObjectiveScores, own_scores
from docexp.objectives.objective import Judged, Objective
from docexp.objectives.order import skill_name
from docexp.objectives.pretraining import Pretraining
from docexp.tasks.task import Prediction
from docexp.training.build import evaluation_rows

SAMPLES, KINDS = 6, 5
CLASSES = {"words": 7, "sides": 3, "pixels": 0, "codes": 0, "tags": 6}
GROUPS = {"tags": 3}
"""Pairs: each target is of a group that is known, and of its first or second class."""
NAMES = ("left", "right", "neither")


class Never(Objective):
    """Has classes and kinds, and is never asked to judge."""

    def judge(self, encoded: Encoded, batch: Batch) -> Judged:
        raise AssertionError


class Named(Never):
    class_names = NAMES


@pytest.fixture
def task() -> Pretraining:
    objectives = {
        "words": Never("words", classes=7),
        "sides": Named("sides", classes=3),
        "pixels": Never("pixels", classes=0),
        "codes": Never("codes", classes=0, kinds=KINDS),
        "tags": Never("tags", classes=6, groups=3),
    }
    return Pretraining(objectives, {})


def judged(name: str, seed: int = 0) -> Judged:
    """Some forty targets of random samples; sample 3 has none."""
    rng = torch.Generator().manual_seed(seed + sum(map(ord, name)))
    row = torch.randint(0, SAMPLES, (40,), generator=rng)
    row = row[row != 3]
    found = Judged(row, torch.rand(len(row), generator=rng))
    if CLASSES[name]:
        found.target = torch.randint(0, CLASSES[name], (len(row),), generator=rng) % 5
        found.hit = torch.rand(len(row), generator=rng) > 0.6
    else:
        found.constant = 1 + torch.rand(len(row), generator=rng)
    if name == "codes":
        found.chosen = torch.randint(0, KINDS - 1, (len(row), 4), generator=rng)
    return found


def predictions_of(seed: int = 0) -> list[Prediction]:
    made = []
    for sample in range(SAMPLES):
        own = {name: own_scores(found := judged(name, seed), found.row == sample) for name in CLASSES}
        predicted, reference = ({name: own[name][half] for name in own} for half in (0, 1))
        made.append(Prediction(f"{seed}/{sample}", predicted, reference))
    return made


@dataclass
class Told:
    """All targets of an objective one by one."""

    loss: list[float] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    hit: list[bool] = field(default_factory=list)
    constant: list[float] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, seeds: Sequence[int] = (0,)) -> "Told":
        told = cls()
        for seed in seeds:
            found = judged(name, seed)
            for entry in vars(told):
                values: Tensor | None = getattr(found, entry)
                getattr(told, entry).extend([] if values is None else values.flatten().tolist())
        return told


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def entropy(values: Sequence[int]) -> float:
    """In nats, of a value's distribution."""
    shares = [count / len(values) for count in Counter(values).values()]
    return -math.fsum(share * math.log(share) for share in shares)


def by_group(name: str, values: Sequence[int]) -> list[list[int]]:
    """Targets apart by their group."""
    size = CLASSES[name] // GROUPS.get(name, 1)
    return [found for group in range(GROUPS.get(name, 1)) if (found := [v for v in values if v // size == group])]


def chance_of(name: str, values: Sequence[int]) -> float:
    """The mean over all targets of the best constant guess's loss, one for each group."""
    return math.fsum(len(group) * entropy(group) for group in by_group(name, values)) / len(values)


def counted(seeds: Sequence[int] = (0,)) -> dict[str, float]:
    """The scores, target by target."""
    scores: dict[str, float] = {}
    for name, classes in CLASSES.items():
        told = Told.of(name, seeds)
        chance = chance_of(name, told.target) if classes else mean(told.constant)
        scores |= {f"{name}/loss": mean(told.loss), f"{name}/targets": len(told.loss)}
        scores[f"{name}/skill"] = 1 - mean(told.loss) / chance
        if classes:
            scores[f"{name}/accuracy"] = mean(told.hit)
    sides = Told.of("sides", seeds).target
    scores |= {f"sides/{label}": mean([t == number for t in sides]) for number, label in enumerate(NAMES[:-1])}
    chosen = Told.of("codes", seeds).chosen
    scores |= {"codes/usage": len(set(chosen)) / KINDS, "codes/perplexity": math.exp(entropy(chosen))}
    return scores | {skill_name(CLASSES): mean([scores[f"{name}/skill"] for name in CLASSES])}


def test_scores_are_those_counted_target_by_target(task: Pretraining) -> None:
    expected = counted()
    assert 0 < expected["codes/usage"] < 1 and len(set(Told.of("words").target)) == 5 < CLASSES["words"]
    assert task.scores(predictions_of()) == pytest.approx(expected, rel=1e-6)


def test_predictions_that_were_written_and_read_score_the_same(task: Pretraining) -> None:
    read = [Prediction(**json.loads(json.dumps(vars(prediction)))) for prediction in predictions_of()]
    assert task.scores(read) == task.scores(predictions_of())


def test_two_halves_states_make_that_of_the_whole(task: Pretraining) -> None:
    """As ranks do: what is summed are targets, so that unequal halves are no means of means."""
    halves, whole = [task.metric(), task.metric()], task.metric()
    few, many = predictions_of(0)[:2], [*predictions_of(0)[2:], *predictions_of(1)]
    for metric, own in zip([*halves, whole], [few, many, [*few, *many]], strict=True):
        task.update(metric, own)
    halves[0].merge_state(halves[1])
    assert halves[0].compute() == pytest.approx(whole.compute(), rel=1e-12)
    assert whole.compute() == pytest.approx(counted((0, 1)), rel=1e-6)


def test_the_best_constant_guess_has_no_skill_and_its_loss_is_the_entropy(task: Pretraining) -> None:
    guessed = task.baseline(predictions_of())
    assert guessed[skill_name(CLASSES)] == pytest.approx(0, abs=1e-12)
    for name, classes in CLASSES.items():
        told = Told.of(name)
        assert guessed[f"{name}/skill"] == pytest.approx(0, abs=1e-12)
        assert guessed[f"{name}/targets"] == len(told.loss)
        assert guessed[f"{name}/loss"] == pytest.approx(
            chance_of(name, told.target) if classes else mean(told.constant)
        )
        if classes:
            most = [max(Counter(group).values()) for group in by_group(name, told.target)]
            assert guessed[f"{name}/accuracy"] == sum(most) / len(told.target)
    assert guessed.keys() == task.scores(predictions_of()).keys()


def test_an_objective_without_targets_has_no_skill_and_no_part_in_the_mean() -> None:
    nothing: Any = ({"loss": 0.0, "targets": 0.0, "hits": 0.0}, {"targets": 0, "classes": {}})
    some: Any = ({"loss": 1.0, "targets": 4.0, "hits": 3.0}, {"targets": 4, "classes": {"0": 2, "1": 2}})
    metric = ObjectiveScores({"words": 7, "lines": 2}, sync_on_compute=False)
    metric.update({"words": nothing[0], "lines": some[0]}, {"words": nothing[1], "lines": some[1]})
    found = metric.compute()
    assert found["skill(lines,words)"] == found["lines/skill"] == pytest.approx(1 - 1 / (4 * math.log(2)))
    assert "words/skill" not in found and found["words/targets"] == 0
    empty = ObjectiveScores({"words": 7}, sync_on_compute=False)
    empty.update({"words": nothing[0]}, {"words": nothing[1]})
    with pytest.raises(DocexpError, match="the pages that are scored hold no target of words"):
        empty.compute()


def rows_of(pages: int, scored: int | None, debug: int | None = None) -> Sequence[int]:
    settings: Any = SimpleNamespace(
        debug=SimpleNamespace(pages=None, evaluation_pages=debug), task=SimpleNamespace(scored_pages=scored)
    )
    corpora: Any = SimpleNamespace(rows=lambda split_of: range(100, 100 + pages))
    run: Any = SimpleNamespace(settings=settings)
    return evaluation_rows(run, corpora, lambda index: "test")


@pytest.mark.parametrize(("pages", "scored"), [(1001, 1000), (1999, 1000), (23, 10), (4_200_000, 1000), (11, 1)])
def test_scored_pages_are_spread_evenly_and_come_once(pages: int, scored: int) -> None:
    rows = rows_of(pages, scored)
    assert len(rows) == len(set(rows)) == scored and rows[0] == 100 and rows[-1] < 100 + pages
    steps = {after - before for before, after in zip(rows, [*rows[1:], 100 + pages], strict=True)}
    assert steps <= {pages // scored, -(-pages // scored)}


@pytest.mark.parametrize(("pages", "scored"), [(10, 10), (9, 10), (30, None)])
def test_all_pages_are_scored_where_they_are_no_more(pages: int, scored: int | None) -> None:
    assert list(rows_of(pages, scored)) == list(range(100, 100 + pages))


def test_a_debug_preset_takes_the_first_of_the_scored() -> None:
    assert list(rows_of(30, 10, debug=2)) == [100, 103]
