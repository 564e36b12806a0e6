"""How far objectives come, against the best guess that does not look at the page."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from docexp.errors import DocexpError
from docexp.objectives.objective import Judged
from docexp.objectives.order import skill_name

Scores = dict[str, Any]
"""Of one objective: ``loss`` summed, ``targets``, ``hits`` where targets are classes, ``chosen`` by kind."""


class ObjectiveScores(Metric):
    """Mean loss, accuracy and skill of each objective over all targets, exact under any number of ranks.

    The chance level is the mean loss of the best constant guess on these targets: for classes the entropy of their
    distribution, in nats, in each group of classes (``Objective.groups``) by itself. The skill is the share of it that
    is gone, ``1 - loss / chance`` (0: no better than the constant guess, 1: perfect; the skill score of forecast
    verification). ``skill(…)`` is the mean over the objectives.

    Args:
        classes: for each objective the number of classes of its targets; 0 where they are none.
        class_names: the names of these classes, for objectives that name them.
        kinds: the number of kinds that the model chooses among, where it does; 0 where not. How many were chosen at all
            is ``usage``, a share; ``perplexity`` is the exponential of the entropy of the choices: so many kinds would
            have it if all were equally frequent.
        groups: for each objective the groups of its classes; 1 where it is not named.
        sync_on_compute: as of torchmetrics.
    """

    full_state_update = False

    def __init__(
        self,
        classes: Mapping[str, int],
        class_names: Mapping[str, Sequence[str]] | None = None,
        kinds: Mapping[str, int] | None = None,
        groups: Mapping[str, int] | None = None,
        *,
        sync_on_compute: bool = True,
    ) -> None:
        super().__init__(sync_on_compute=sync_on_compute)
        self._classes, self._names = dict(classes), dict(class_names or {})
        self._groups = dict(groups or {})
        self._kinds = {name: number for name, number in (kinds or {}).items() if number}
        for name, number in self._kinds.items():
            self.add_state(f"{name}_chosen", torch.zeros(number, dtype=torch.float64), dist_reduce_fx="sum")
        for name, number in self._classes.items():
            self.add_state(f"{name}_sums", torch.zeros(4, dtype=torch.float64), dist_reduce_fx="sum")
            if number:
                self.add_state(f"{name}_counts", torch.zeros(number, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, predicted: Mapping[str, Scores], references: Mapping[str, Any]) -> None:
        """Counts a sample: what ``own_scores`` gave for it."""
        for name, number in self._classes.items():
            own, reference = predicted[name], references[name]
            values = [own["loss"], own["targets"], own.get("hits", 0.0), reference.get("chance", 0.0)]
            sums: Tensor = getattr(self, f"{name}_sums")
            sums += torch.tensor(values, dtype=torch.float64, device=sums.device)
            if number:
                _count(getattr(self, f"{name}_counts"), reference["classes"])
            if name in self._kinds:
                _count(getattr(self, f"{name}_chosen"), own.get("chosen", {}))

    def compute(self) -> dict[str, float]:
        """``<objective>/loss``, ``/targets``, ``/skill``, for classes ``/accuracy``, and the mean skill.

        An objective without a target here has no skill, and the mean is that of the others.

        For named classes also ``<objective>/<class>``, the share of each but the last.
        """
        scores: dict[str, float] = {}
        for name, number in self._classes.items():
            loss, targets, hits, chance = getattr(self, f"{name}_sums").tolist()
            there = max(targets, 1.0)
            scores |= {f"{name}/loss": loss / there, f"{name}/targets": targets}
            if number:
                counts: Tensor = getattr(self, f"{name}_counts")
                scores[f"{name}/accuracy"] = hits / there
                named = zip(self._names.get(name, ())[:-1], counts.tolist(), strict=False)
                scores |= {f"{name}/{label}": count / there for label, count in named}
                chance = _entropy(counts, self._groups.get(name, 1))
            if name in self._kinds:
                chosen: Tensor = getattr(self, f"{name}_chosen")
                choices = max(float(chosen.sum()), 1.0)
                scores[f"{name}/usage"] = float((chosen > 0).double().mean())
                scores[f"{name}/perplexity"] = math.exp(_entropy(chosen) / choices)
            if targets:
                scores[f"{name}/skill"] = 1.0 - loss / chance if chance else 0.0
        skills = [scores[f"{name}/skill"] for name in self._classes if f"{name}/skill" in scores]
        if not skills:
            raise DocexpError(f"the pages that are scored hold no target of {', '.join(self._classes)}")
        return {skill_name(self._classes): sum(skills) / len(skills), **scores}


def own_scores(judged: Judged, mine: Tensor) -> tuple[Scores, dict[str, Any]]:
    """The scores over the targets that ``mine``, ``[N]`` bool, marks; and which they were, as plain json values."""
    number = int(mine.sum())
    scores: Scores = {"loss": float(judged.loss[mine].double().sum()), "targets": float(number)}
    if judged.chosen is not None:
        scores["chosen"] = _counted(judged.chosen[mine])
    if judged.target is None:
        assert judged.constant is not None
        return scores, {"targets": number, "chance": float(judged.constant[mine].double().sum())}
    assert judged.hit is not None
    scores["hits"] = float(judged.hit[mine].sum())
    return scores, {"targets": number, "classes": _counted(judged.target[mine])}


def constant_guess(
    references: Sequence[Mapping[str, Any]], classes: Mapping[str, int], groups: Mapping[str, int]
) -> tuple[dict[str, Scores], Any]:
    """What the best constant guess scores on all samples' targets taken together, and those targets.

    Args:
        references: what ``own_scores`` said of each sample's targets.
        classes: of every objective, as for ``ObjectiveScores``.
        groups: of these classes.
    """
    scores: dict[str, Scores] = {}
    together: dict[str, Any] = {}
    for name, number in classes.items():
        counts: Counter[str] = Counter()
        for reference in references:
            counts.update(reference[name].get("classes", {}))
        chance = sum(reference[name].get("chance", 0.0) for reference in references)
        together[name] = {"chance": chance, "classes": dict(counts)}
        there = torch.zeros(number, dtype=torch.float64)
        _count(there, counts)
        # the shares are the likeliest constant distribution, its loss their entropy
        loss = _entropy(there, groups[name]) if counts else chance
        hits = float(there.view(groups[name], -1).amax(dim=1).sum()) if counts else 0.0
        targets = sum(reference[name]["targets"] for reference in references)
        scores[name] = {"loss": loss, "targets": float(targets), "hits": hits}
    return scores, together


def _counted(values: Tensor) -> dict[str, int]:
    """How often each value comes, as plain json values."""
    found, counts = values.unique(return_counts=True)
    return dict(zip(map(str, found.tolist()), counts.tolist(), strict=True))


def _count(counts: Tensor, found: Mapping[str, float]) -> None:
    """Adds what ``_counted`` gave, in place."""
    places = torch.tensor([int(value) for value in found], dtype=torch.long, device=counts.device)
    counts.index_add_(0, places, torch.tensor(list(found.values()), dtype=torch.float64).to(counts.device))


def _entropy(counts: Tensor, groups: int = 1) -> float:
    """Of each group's counts, summed over the targets, in nats."""
    by_group = counts.view(groups, -1)
    shares = by_group / by_group.sum(dim=1, keepdim=True).clamp(min=1.0)
    return -float(torch.special.xlogy(by_group, shares).sum())
