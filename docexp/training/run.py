"""One run from start to result: new, resumed, or finished already."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch

from docexp.config.schema import RunSettings
from docexp.models.weight_report import LoadReport
from docexp.runs import atomic
from docexp.runs.environment import (
    FAILED,
    INTERRUPTED,
    PREEMPTED,
    Segment,
    begin_segment,
    code_changed_since,
    describe,
    end_segment,
)
from docexp.runs.first_weights import FirstWeights
from docexp.runs.folder import set_aside
from docexp.runs.lock import RunLock
from docexp.runs.log import RunLog
from docexp.runs.metrics_log import MetricsLog, read
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.runs.result import DIVERGED, Result
from docexp.training import preemption, ranks, torchrun
from docexp.training.build import (
    build_module,
    build_trainer,
    build_training_data,
    load_first_weights,
    training_order,
)
from docexp.training.checkpoint_io import discard_partial, pointed
from docexp.training.checkpoints import Checkpoints
from docexp.training.display import Display, left_before
from docexp.training.divergence import RunDiverged
from docexp.training.ending import Ending
from docexp.training.interrupts import Interrupts, RunInterrupted
from docexp.training.meeting import meet
from docexp.training.metric_lines import MetricLines
from docexp.training.module import RunModule
from docexp.training.preemption import Preempted
from docexp.training.skipped import SkippedPages
from docexp.training.wandb_mirror import Mirror, mirror_of


def train(settings: RunSettings, again: bool = False) -> int:
    """Trains and scores a run, or says that it is finished; gives the exit status.

    With more than one device this process only starts the ranks, under torchrun, and waits for them; where a scheduler
    has started the ranks, each of them comes here.

    Raises:
        DocexpError: anything the user can mend; nothing half-written is left that a later start would trust.
        Preempted: a cluster takes this job's place away; it is to be requeued.
    """
    hardware = settings.hardware
    ranks.check_tasks(hardware.nodes, hardware.devices)
    alone, main = not ranks.is_rank(), ranks.rank() == 0
    if alone:
        hardware.check_one_machine()
    hardware.check_present()
    hardware.sharing.check_installed()
    run = resolve(settings)
    decides = main and not ranks.under_torchrun()
    if decides and again and run.folder.path.exists():
        with RunLock(run.folder):
            print(f"kept the old run as {set_aside(run.folder)}")
    done = decides and run.folder.result.is_file()
    if alone and hardware.ranks > 1 and not done:
        return torchrun.start(settings)
    with torchrun.one_of_several(), ExitStack() as stack:
        lock = RunLock(run.folder)
        if main and not done:
            run.folder.create()
            stack.enter_context(lock)
            done = alone and run.folder.result.is_file()  # another process finished it since our first look
        if not alone:
            done = meet(run, done)
        if done:
            if main:
                _say_finished(run)
            return 0
        log = stack.enter_context(RunLog(run.folder.log if main else None))
        return _Training(run, log, lock, main).go()


@dataclass
class _Training:
    """One start of a run, from the newest checkpoint to the result. Ranks other than 0 write nothing."""

    run: ResolvedRun
    log: RunLog
    lock: RunLock
    main: bool
    begun: bool = False
    """Whether this start is recorded."""
    left: str = ""
    """How long training will take, where earlier starts tell."""

    def go(self) -> int:
        """Trains, scores, and records how it ended; gives the exit status."""
        self.checkpoint = pointed(self.run.folder.checkpoints, "last")
        self.first_step = int(self.checkpoint.name.removeprefix("step-")) if self.checkpoint else 0
        state = f"resumed at step {self.first_step}" if self.checkpoint else "new"
        self.log.say(f"run {self.run.identity}  {state}  {self.run.folder.path}")
        if self.run.settings.hardware.threads is not None:
            torch.set_num_threads(self.run.settings.hardware.threads)
        try:
            if self.main:
                with self._prepare_folder() as metrics, mirror_of(self.run, self.log) as self.mirror:
                    status = self._fit(metrics)
            else:
                self.mirror = Mirror()
                status = self._fit(None)
        except RunInterrupted as stopped:
            if self.interrupts.preempted:
                self._end(PREEMPTED)
                self.log.say(f"preempted after {stopped}, with a checkpoint: the requeued job goes on from it")
                raise Preempted from None
            self._end(INTERRUPTED)
            self.log.say(f"interrupted after {stopped}, with a checkpoint: the same command goes on from it")
            return 130
        except Preempted:
            self._end(PREEMPTED)
            self.log.say("preempted outside of training: the requeued job goes on from the last checkpoint")
            raise
        except BaseException as error:
            self._end(FAILED, f"{type(error).__name__}: {error}")
            raise
        self._end(status)
        return 0

    def _fit(self, metrics: MetricsLog | None) -> str:
        settings = self.run.settings
        module = build_module(self.run)
        loaded = None if self.checkpoint else load_first_weights(self.run, module.backbone)
        began = time.monotonic()
        with Interrupts() as self.interrupts:
            trainer = self._trainer(metrics, self.interrupts)
            self._say_start(module, loaded)
            resumed = str(self.checkpoint) if self.checkpoint else None
            try:
                with preemption.deferred():
                    trainer.fit(module, datamodule=build_training_data(self.run), ckpt_path=resumed)
            except RunDiverged as diverged:
                good = pointed(self.run.folder.checkpoints, "last")
                return self.ending.diverged(int(str(diverged)), time.monotonic() - began, good)
        if trainer.global_step < settings.trainer.max_steps:
            raise RuntimeError(f"training ended at step {trainer.global_step} of {settings.trainer.max_steps}")
        return self.ending.scored(time.monotonic() - began)

    def _trainer(self, metrics: MetricsLog | None, interrupts: Interrupts) -> pl.Trainer:
        settings = self.run.settings
        plan, folder = settings.trainer, self.run.folder
        primary = f"validation/{settings.task.primary_metric}"
        display = Display(self.log, plan.max_steps, self.first_step, primary)
        saving = Checkpoints(
            folder.checkpoints,
            every=plan.checkpoint_every,
            validate_every=plan.validate_every,
            best=None if plan.selection == "last" else primary,
            interrupts=interrupts,
            guard=self.lock.check,
        )
        told = (display.show, self.mirror.line)
        lines = MetricLines(
            metrics, plan.log_every, plan.global_batch, told=told, remark=display.above, primary=primary
        )
        epoch_pages = sum(len(stream) for stream in training_order(self.run).corpora())
        skipped = SkippedPages(settings.data.max_skipped, epoch_pages, plan.global_batch, self.log.note)
        self.ending = Ending(self.run, self.log, self.lock, self.mirror, skipped, self.main)
        return build_trainer(
            settings.hardware,
            folder.path,
            # lines come before checkpoints: a checkpoint must never outlive its step's metrics
            callbacks=[display, lines, skipped, saving],
            max_steps=plan.max_steps,
            global_batch=plan.global_batch,
            validate_every=plan.validate_every,
            clip_norm=plan.clip_norm,
            profile=settings.debug.profile,
        )

    def _prepare_folder(self) -> MetricsLog:
        run, folder = self.run, self.run.folder
        discard_partial(folder.checkpoints)
        atomic.write_yaml(folder.config, run.settings.plain)
        run.tokenizer.save(folder.tokenizer)
        facts, diff = describe(run.settings.plain, run.extras, Path.cwd())
        hardware = run.settings.hardware
        segment = Segment(
            accelerator=hardware.accelerator,
            devices=hardware.ranks,
            strategy=hardware.strategy_name,
            threads=torch.get_num_threads(),
            resumed_from_step=self.first_step,
        )
        changed = begin_segment(folder, facts, diff, segment)
        self.begun = True
        for line in changed:
            self.log.say(f"  {line}")
        metrics = MetricsLog(folder.metrics)
        metrics.cut_back(self.first_step)
        plan = run.settings.trainer
        if self.first_step and not segment.changed:
            self.left = left_before(read(folder.metrics), plan.max_steps - self.first_step, plan.global_batch)
        return metrics

    def _say_start(self, module: RunModule, loaded: LoadReport | None) -> None:
        run, plan = self.run, self.run.settings.trainer
        parameters = sum(parameter.numel() for parameter in module.parameters())
        self.log.say(
            f"  {parameters / 1e6:.1f}M parameters, {plan.max_steps:,} steps of {plan.global_batch} pages of "
            f"{run.corpora.name}, {run.settings.hardware.precision}, seed {run.settings.seed}"
            + (f", {self.left}" if self.left else "")
        )
        if loaded:
            self.log.say(f"  weights from {loaded}")
            if self.main:
                FirstWeights(loaded.source, loaded.licence).write(run.folder)

    def _end(self, outcome: str, reason: str = "") -> None:
        if self.begun:
            end_segment(self.run.folder, outcome, reason)


def _say_finished(run: ResolvedRun) -> None:
    result = Result.read(run.folder.result)
    day = result.finished.partition("T")[0]
    score = "diverged" if result.status == DIVERGED else f"{result.primary_metric} {100 * result.value:.1f}"
    print(f"run {run.identity}  finished on {day}, {score}: nothing to do (--again runs it anew)  {run.folder.path}")
    changed = code_changed_since(run.folder, run.settings.plain)
    if changed:
        print(f"  {changed}")
