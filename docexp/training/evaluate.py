"""A trained run scored on a split: predictions, scores per sample, and what a constant guess would score."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch.distributed as dist

from docexp.errors import DocexpError
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import Evaluation, write_evaluation
from docexp.shards.corpora import Corpora
from docexp.tasks.task import Prediction
from docexp.training import ranks
from docexp.training.build import build_evaluation_data, build_module, build_trainer, given_of
from docexp.training.checkpoint_io import load_weights


@dataclass(frozen=True)
class Scores:
    """A checkpoint's scores on a split. ``metrics`` and ``baseline`` share their keys."""

    checkpoint: str
    data: str
    primary_metric: str
    metrics: dict[str, float]
    baseline: dict[str, float]
    protocol: dict[str, str]
    text: str
    remarks: list[str]
    seconds: float
    predictions: list[Prediction]
    sample_scores: list[dict[str, float]]
    pictures: dict[str, bytes] = field(default_factory=dict)
    """PNG files by name, of this rank's first batch."""

    @property
    def all_metrics(self) -> dict[str, float]:
        """The metrics, and the baseline's primary metric as ``baseline/<name>``."""
        return {**self.metrics, f"baseline/{self.primary_metric}": self.baseline[self.primary_metric]}


def evaluate(run: ResolvedRun, checkpoint: Path, corpora: Corpora, split: str) -> Scores:
    """Scores ``checkpoint`` on a split of ``corpora``.

    Every sample is decoded once, on whichever rank, and scored once, after the ranks' predictions were gathered.

    Raises:
        DocexpError: several devices, but no ranks, which only training starts.
    """
    hardware = run.settings.hardware
    if hardware.ranks > 1 and not ranks.is_rank():
        several = {"devices": hardware.devices, "nodes": hardware.nodes}
        named = [f"hardware.{key}={count}" for key, count in several.items() if count > 1]
        mended = [f"hardware.{key}=1" for key, count in several.items() if count > 1]
        raise DocexpError(f"{' '.join(named)}: an evaluation takes one device. Use {' '.join(mended)}.")
    began = time.monotonic()
    module = build_module(run)
    module.load_state_dict(load_weights(checkpoint))
    if run.settings.hardware.precision == "bf16-params":
        for parameter in module.parameters():
            parameter.data = parameter.data.bfloat16()
    trainer = build_trainer(run.settings.hardware, run.folder.path)
    trainer.test(module, datamodule=build_evaluation_data(run, corpora, split), verbose=False)
    predictions = _gathered(module.predictions)
    task = module.task.cpu()
    metrics, baseline = task.scores(predictions), task.baseline(predictions)
    return Scores(
        checkpoint=checkpoint.name,
        data=corpora.checksum,
        primary_metric=run.settings.task.primary_metric,
        metrics=metrics,
        baseline=baseline,
        protocol=protocol_of(run, corpora, split, len(predictions)),
        text=task.describe(metrics, baseline),
        remarks=task.remarks(metrics),
        seconds=time.monotonic() - began,
        predictions=predictions,
        sample_scores=[task.sample_scores(prediction) for prediction in predictions],
        pictures=module.pictures,
    )


def record(run: ResolvedRun, scores: Scores) -> Path:
    """Writes scores, predictions, sample scores and pictures into the run's ``evaluations/``; gives the folder."""
    evaluation = Evaluation(
        checkpoint=scores.checkpoint,
        data=scores.data,
        protocol=scores.protocol,
        primary_metric=scores.primary_metric,
        value=scores.metrics[scores.primary_metric],
        metrics=scores.all_metrics,
        samples=len(scores.predictions),
        seconds=scores.seconds,
    )
    return write_evaluation(
        run.folder.evaluations,
        evaluation,
        [{"key": p.key, "predicted": p.predicted, "reference": p.reference} for p in scores.predictions],
        [{"key": p.key, **own} for p, own in zip(scores.predictions, scores.sample_scores, strict=True)],
        scores.pictures,
    )


def protocol_of(run: ResolvedRun, corpora: Corpora, split: str, samples: int) -> dict[str, str]:
    """What must be equal for two scores to be comparable, in words."""
    settings = run.settings
    selection = settings.trainer.selection
    return {
        "data": f"{corpora.name} {split}",
        "pages": str(samples),
        **settings.task.protocol(given_of(run)),
        "windows": f"{settings.model.max_tokens} tokens, stride {settings.data.window_stride}, nothing lost",
        "selection": selection + (" (selected on the scored split)" if selection == "best_test" else ""),
    }


def _gathered(mine: list[Prediction]) -> list[Prediction]:
    everyone: list[Any] = [mine]
    if dist.is_available() and dist.is_initialized():
        everyone = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, mine)
    return sorted((p for predictions in everyone for p in predictions), key=lambda p: p.key)
