"""What the missing runs of a study would cost: steps, pages, and hours as far as a speed is known."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.runs.find import all_runs
from docexp.runs.folder import RunFolder
from docexp.runs.identity import canonical
from docexp.runs.metrics_log import read
from docexp.studies.plan import PlannedRun

RATE = "samples_per_second"
WHERE = ("weights", "tokenizer", "licence")
"""Settings of a model that change nothing about its speed."""


@dataclass(frozen=True)
class Cost:
    """Of some runs. ``seconds`` is None where the speed of any of them is unknown."""

    steps: int
    pages: int
    seconds: float | None
    speeds: dict[str, float]
    """By stage, in pages per second."""


class Speeds:
    """Pages per second of training, measured by runs that are there already, or assumed by the user.

    A run tells of another where model, task, batch, precision and devices are the same; the median over all its lines.
    """

    def __init__(self, runs: Path, assumed: float | None = None) -> None:
        self._runs, self._assumed = runs, assumed
        self._known: dict[str, float] | None = None

    def of(self, planned: PlannedRun) -> float | None:
        """The speed of a wanted run; None when nothing tells."""
        if self._assumed is not None:
            return self._assumed
        if self._known is None:
            self._known = dict(self._measured())
        return self._known.get(_kind(planned.run.settings.plain))

    def _measured(self) -> Iterable[tuple[str, float]]:
        for run in all_runs(self._runs):
            if run.metrics.is_file() and run.result.is_file() and (rate := measured_rate(run)):
                yield _kind(run.read_config()), rate


def measured_rate(run: RunFolder) -> float | None:
    """The median pages per second of a run's training lines; None without any."""
    rates = [line[RATE] for line in read(run.metrics) if RATE in line] if run.metrics.is_file() else []
    # the first line waits for data workers and libraries to start
    return statistics.median(rates[1:] or rates) if rates else None


def cost(runs: Sequence[PlannedRun], speeds: Speeds) -> Cost:
    """Of what is left to do in ``runs``."""
    steps = pages = 0
    seconds: float | None = 0.0
    used: dict[str, float] = {}
    for planned in runs:
        left = planned.run.settings.trainer.max_steps - reached(planned)
        steps += left
        pages += left * planned.run.settings.trainer.global_batch
        speed = speeds.of(planned)
        if speed is None:
            seconds = None
        else:
            used[planned.stage] = speed
            seconds = None if seconds is None else seconds + left * planned.run.settings.trainer.global_batch / speed
    return Cost(steps, pages, seconds, used)


def reached(planned: PlannedRun) -> int:
    """The step that a run's metrics have come to."""
    metrics = planned.run.folder.metrics
    lines = read(metrics) if metrics.is_file() else []
    return int(lines[-1]["step"]) if lines else 0


def _kind(plain: dict[str, Any]) -> str:
    model = {key: value for key, value in plain["model"].items() if key not in WHERE}
    hardware = [plain["hardware"].get(key) for key in ("accelerator", "devices", "precision", "micro_batch")]
    hardware.append(plain["hardware"].get("nodes", 1))  # runs of before there were several have none
    return canonical([model, plain["task"].get("_target_"), plain["trainer"]["global_batch"], hardware])
