"""A set of objectives as the task of a run: they corrupt in turn, and their losses are summed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from docexp.documents.page import Page
from docexp.inputs.batch import Batch
from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.models.backbone import Backbone, Encoded
from docexp.objectives.metric import ObjectiveScores, constant_guess, own_scores
from docexp.objectives.objective import Corruptor, Judged, Objective, Record
from docexp.objectives.order import skill_name
from docexp.tasks.task import Losses, Prediction, Targets, Task

ONE_SIDED = 0.95
"""The share of one class from which on a person is told."""


@dataclass(frozen=True)
class Corruption(Targets):
    """The halves of the objectives that data workers run, by name, in their order."""

    corruptors: tuple[tuple[str, Corruptor], ...]

    def annotate(self, page: Page, windows: Sequence[Window]) -> Any:
        """Nothing: all targets come of the corruption."""

    def corrupt(self, windows: Sequence[Window], visit: Visit) -> None:
        """Every window by every objective. What one draws does not depend on which others there are."""
        self.corrupted(windows, visit)

    def corrupted(self, windows: Sequence[Window], visit: Visit) -> list[Record]:
        """``corrupt``, and what was done to each window."""
        rngs = {name: visit.rng(name) for name, _ in self.corruptors}
        records = [Record.of(window, visit) for window in windows]
        for window, record in zip(windows, records, strict=True):
            for name, corruptor in self.corruptors:
                corruptor.corrupt(window, record, visit, rngs[name])
        return records


class Pretraining(Task):
    """The halves on the device.

    Args:
        objectives: by name.
        weights: how much each loss counts.
    """

    def __init__(self, objectives: Mapping[str, Objective], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.objectives = nn.ModuleDict(objectives)
        self._weights = dict(weights)

    def encode(self, backbone: Backbone, batch: Batch) -> Encoded:
        """The backbone's output, hidden patches replaced by the token of the objective that hides them."""
        tokens = [token for objective in self._each() if (token := objective.patch_token()) is not None]
        return backbone(replace(batch, patch_token=tokens[0]) if tokens else batch)

    def losses(self, encoded: Encoded, batch: Batch) -> Losses:
        """Of every objective the losses summed, its weight, and the targets it predicted rightly."""
        found = self._judged(encoded, batch)
        classes = {
            f"{each.name}/{label}": (target == number).sum()
            for each in self._each()
            if (target := found[each.name].target) is not None
            for number, label in enumerate(each.class_names[:-1])
        }
        return Losses(
            {name: judged.loss.sum() for name, judged in found.items()},
            self._weights,
            {name: judged.hit.sum() for name, judged in found.items() if judged.hit is not None},
            classes,
        )

    def flops(self, batch: Batch) -> Tensor:
        """Of all heads."""
        return torch.stack([objective.flops(batch) for objective in self._each()]).sum(dim=0)

    def decode(self, encoded: Encoded, batch: Batch) -> list[Prediction]:
        """For each sample and objective the summed loss, the hits and the number of targets; and which they were."""
        found = self._judged(encoded, batch)
        owner = batch.owner[:, 0]
        predictions = []
        for number, key in enumerate(batch.keys):
            if batch.filler[number]:
                continue
            own = {name: own_scores(judged, owner[judged.row] == number) for name, judged in found.items()}
            predicted = {name: scores for name, (scores, _) in own.items()}
            predictions.append(Prediction(key, predicted, {name: targets for name, (_, targets) in own.items()}))
        return predictions

    def pictures(self, encoded: Encoded, batch: Batch) -> dict[str, bytes]:
        """Of all objectives."""
        return {name: png for each in self._each() for name, png in each.pictures(encoded, batch).items()}

    def metric(self, sync_on_compute: bool = True) -> Metric:
        """Loss, accuracy and skill of every objective."""
        each = self._each()
        return ObjectiveScores(
            {one.name: one.classes for one in each},
            {one.name: one.class_names for one in each if one.class_names},
            {one.name: one.kinds for one in each},
            {one.name: one.groups for one in each},
            sync_on_compute=sync_on_compute,
        )

    def update(self, metric: Metric, predictions: Sequence[Prediction]) -> None:
        """Counts each sample once."""
        for prediction in predictions:
            metric.update(prediction.predicted, prediction.reference)

    def sample_scores(self, prediction: Prediction) -> dict[str, float]:
        """Each objective's mean loss on the sample."""
        found = prediction.predicted.items()
        return {f"{name}/loss": own["loss"] / own["targets"] for name, own in found if own["targets"]}

    def baseline(self, predictions: Sequence[Prediction]) -> dict[str, float]:
        """What the best constant guess on these very targets scores: the objectives' chance level."""
        classes = {each.name: each.classes for each in self._each()}
        groups = {each.name: each.groups for each in self._each()}
        guess, targets = constant_guess([prediction.reference for prediction in predictions], classes, groups)
        return self.scores([Prediction("", guess, targets)])

    def remarks(self, metrics: Mapping[str, float]) -> list[str]:
        """Which objectives' targets are nearly all of one class: these teach little."""
        said = []
        for each in self._each():
            if not each.class_names or not metrics[f"{each.name}/targets"]:
                continue
            shares = [metrics[f"{each.name}/{label}"] for label in each.class_names[:-1]]
            shares.append(1 - sum(shares))
            share, label = max(zip(shares, each.class_names, strict=True))
            if share > ONE_SIDED:
                said.append(
                    f"{each.name}: {100 * share:.1f} % of the targets are {label}, so that guessing teaches little. "
                    f"Change what is masked, or leave {each.name} out."
                )
        return said

    def describe(self, metrics: Mapping[str, float], baseline: Mapping[str, float]) -> str:
        """``skill 41.2 · mlm 3.21 (chance 5.43) 38.0 % right (4.1 %) of 5,120 …``."""
        parts = []
        for name in self.objectives:
            if not metrics[f"{name}/targets"]:
                parts.append(f"{name} no target")
                continue
            text = f"{name} loss {metrics[f'{name}/loss']:.4g} (chance {baseline[f'{name}/loss']:.4g})"
            if f"{name}/accuracy" in metrics:
                right, guessed = (100 * scores[f"{name}/accuracy"] for scores in (metrics, baseline))
                text += f", {right:.1f} % right (chance {guessed:.1f} %)"
            if f"{name}/usage" in metrics:
                used, perplexity = metrics[f"{name}/usage"], metrics[f"{name}/perplexity"]
                text += f", {100 * used:.1f} % of the codes used, perplexity {perplexity:.1f}"
            parts.append(f"{text}, {int(metrics[f'{name}/targets']):,} targets")
        return f"skill {100 * metrics[skill_name(self.objectives)]:.1f} · " + " · ".join(parts)

    def _judged(self, encoded: Encoded, batch: Batch) -> dict[str, Judged]:
        return {objective.name: objective.judge(encoded, batch) for objective in self._each()}

    def _each(self) -> list[Objective]:
        return [objective for objective in self.objectives.values() if isinstance(objective, Objective)]
