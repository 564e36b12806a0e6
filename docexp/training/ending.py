"""How a run ends: scored, or diverged. Either way with a result, which nothing changes afterwards."""

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from docexp.inputs.splits import scored_split
from docexp.runs.environment import segments
from docexp.runs.lock import RunLock
from docexp.runs.log import RunLog
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import DIVERGED, FINISHED, Result
from docexp.training.build import training_order
from docexp.training.checkpoint_io import pointed
from docexp.training.evaluate import evaluate, record
from docexp.training.skipped import SkippedPages, in_words
from docexp.training.wandb_mirror import Mirror


@dataclass
class Ending:
    """Writes and tells a run's result; gives how it ended. Ranks other than 0 score and write nothing.

    ``seconds`` are those that this start trained.
    """

    run: ResolvedRun
    log: RunLog
    lock: RunLock
    mirror: Mirror
    skipped: SkippedPages
    main: bool

    def scored(self, seconds: float) -> str:
        """Scores the run; gives how it ended: the last step has no next one whose loss could tell that it broke."""
        run = self.run
        plan = run.settings.trainer
        chosen = pointed(run.folder.checkpoints, "last" if plan.selection == "last" else "best")
        assert chosen is not None
        split = scored_split(run.corpora, run.settings.task.scored_splits)
        assert split is not None
        scores = evaluate(run, chosen, run.corpora, split)
        if not math.isfinite(scores.metrics[scores.primary_metric]):
            return self.diverged(int(chosen.name.removeprefix("step-")), seconds, None)
        if not self.main:
            return FINISHED
        self.lock.check()
        place = record(run, scores)
        result = Result(
            identity=run.identity,
            experiment=run.settings.experiment,
            status=FINISHED,
            primary_metric=scores.primary_metric,
            value=scores.metrics[scores.primary_metric],
            metrics=scores.all_metrics,
            protocol=scores.protocol,
            step=int(chosen.name.removeprefix("step-")),
            seconds=self._trained_before() + seconds,
            evaluation=str(place.relative_to(run.folder.path)),
            skipped=self.skipped.by_shard,
            drawn=self._drawn(),
        )
        result.write(run.folder.result)
        self.mirror.result(result)
        for sentence in (scores.text, *scores.remarks):
            self.log.say(sentence)
        if result.drawn:
            pages = ", ".join(f"{name} {count:,}" for name, count in result.drawn.items())
            self.log.say(f"pages drawn: {pages}")
        if self.skipped.by_shard:
            self.log.say(in_words(self.skipped.by_shard))
        return FINISHED

    def diverged(self, step: int, seconds: float, good: Path | None) -> str:
        """Writes that the run broke in a step, which is a result too; ``good`` is a checkpoint from before."""
        if not self.main:
            return DIVERGED
        run = self.run
        result = Result(
            identity=run.identity,
            experiment=run.settings.experiment,
            status=DIVERGED,
            primary_metric=run.settings.task.primary_metric,
            value=float("nan"),
            step=step,
            seconds=self._trained_before() + seconds,
            skipped=self.skipped.by_shard,
        )
        result.write(run.folder.result)
        self.mirror.result(result)
        kept = f"The last good checkpoint is {good}" if good else "There is no good checkpoint"
        self.log.say(
            f"diverged: at step {step} loss, score or weights are not finite. That is this run's result. {kept}; "
            "another run may learn with a lower optim.lr, or a longer optim.warmup_steps."
        )
        return DIVERGED

    def _drawn(self) -> dict[str, int]:
        """The pages that the whole run drew from each corpus of a mixture."""
        corpora = self.run.corpora
        counts = training_order(self.run).drawn(self.run.settings.trainer.max_steps)
        return dict(zip(corpora.names, counts, strict=True)) if corpora.mixed else {}

    def _trained_before(self) -> float:
        """Seconds of the earlier starts that ended in an orderly way."""
        ended = [segment for segment in segments(self.run.folder)[:-1] if segment.ended]
        return sum((datetime.fromisoformat(s.ended) - datetime.fromisoformat(s.started)).total_seconds() for s in ended)
