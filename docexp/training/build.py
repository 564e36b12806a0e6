"""A resolved run to the objects that train it. The same building serves training and evaluation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.profilers import SimpleProfiler
from pytorch_lightning.strategies import Strategy

from docexp.errors import DocexpError
from docexp.inputs.datamodule import EvaluationData, TrainingData
from docexp.inputs.dataset import Padding, SampleMaker
from docexp.inputs.splits import training_split, validation_split
from docexp.inputs.visit import RowDraw
from docexp.inputs.vocabulary import vocabulary_fault
from docexp.models.backbone import Backbone
from docexp.models.freezing import freeze
from docexp.models.weight_report import LoadReport
from docexp.models.weight_rows import WORDS
from docexp.models.weights import Allowed, fit
from docexp.models.weights import load_weights as load_published
from docexp.runs.first_weights import FirstWeights
from docexp.runs.resolve import ResolvedRun
from docexp.shards.ahead import FetchAhead
from docexp.shards.corpora import Corpora
from docexp.shards.index import Index
from docexp.shards.order import TrainingOrder
from docexp.shards.share import SharedRows
from docexp.tasks.settings import Given
from docexp.training import ranks
from docexp.training.allocator import keep_memory
from docexp.training.checkpoint_io import FolderCheckpointIO, load_weights, pointed
from docexp.training.module import RunModule
from docexp.training.settings import HardwareSettings
from docexp.training.strategies.settings import DDPSettings

BACKBONE = "backbone."
"""What the names of a backbone's weights begin with in a checkpoint."""


def build_module(run: ResolvedRun) -> RunModule:
    """Backbone and head, drawn from the run's seed and nothing else."""
    settings = run.settings
    torch.manual_seed(settings.seed)
    backbone = settings.model.build(run.tokenizer.vocab_size, run.tokenizer.pad_id)
    freeze(backbone, settings.model.freeze)
    task = settings.task.build(given_of(run), backbone.hidden_size)
    if settings.hardware.gradient_checkpointing:
        backbone.checkpoint_activations()
    return RunModule(backbone, task, settings.optim, settings.trainer.max_steps, settings.seed)


def given_of(run: ResolvedRun) -> Given:
    """What the run's task is told of its data and inputs."""
    model = run.settings.model
    return Given(
        data=run.settings.data,
        tokenizer=run.tokenizer,
        image_side=model.image_side,
        patch_grid=model.patch_grid,
        codes=model.codes,
    )


def load_first_weights(run: ResolvedRun, backbone: Backbone) -> LoadReport | None:
    """Puts in the weights that training starts from; tells what was loaded and what was not, None when nothing is.

    Raises:
        DocexpError: weights that do not fit.
    """
    upstream, model = run.upstream, run.settings.model
    if upstream is None:
        return None
    if upstream.run is None:
        return _published(run, backbone)
    checkpoint = pointed(upstream.run.checkpoints, upstream.checkpoint)
    assert checkpoint is not None
    tensors = load_weights(checkpoint)
    weights = {name.removeprefix(BACKBONE): tensors[name] for name in tensors if name.startswith(BACKBONE)}
    source = f"run {upstream.run.identity}, {checkpoint.name}"
    report = fit(backbone, weights, source, Allowed.by(model), licence=FirstWeights.of(upstream.run).licence)
    return replace(report, heads=tuple(name for name in tensors if not name.startswith(BACKBONE)))


def _published(run: ResolvedRun, backbone: Backbone) -> LoadReport:
    model, allowed = run.settings.model, Allowed.by(run.settings.model)
    assert model.weights is not None
    fault = vocabulary_fault(run.tokenizer, model.weights, model.resize_vocabulary) if model.reads_text else ""
    if fault and not allowed.lets_be_missing(WORDS):
        raise DocexpError(fault)
    return load_published(backbone, model.weights, allowed, model.licence, [WORDS] if fault else [])


def build_training_data(run: ResolvedRun) -> TrainingData:
    """The run's training order and validation rows."""
    settings, corpora = run.settings, run.corpora
    trainer, data, hardware = settings.trainer, settings.data, settings.hardware
    order = training_order(run)
    return TrainingData(
        build_maker(run, corpora),
        evaluation_rows(run, corpora, lambda index: validation_split(index, data, trainer)),
        Padding(run.tokenizer.pad_id, data.pad_to_multiple),
        hardware.evaluation_batch,
        data.workers,
        order=order,
        max_steps=trainer.max_steps,
        micro_batch=hardware.micro(trainer.global_batch),
        skip=data.on_error == "skip",
        ahead=FetchAhead(corpora, order),
    )


def training_order(run: ResolvedRun) -> TrainingOrder:
    """Which pages the run trains on, and when: ``data.share``, or of each corpus the first ``debug.pages``."""
    settings = run.settings
    return run.corpora.order(
        lambda index: training_split(index, settings.data, settings.trainer),
        settings.seed,
        settings.trainer.global_batch,
        settings.data.block_shards,
        share=settings.data.share,
        most=settings.debug.pages,
    )


def build_evaluation_data(run: ResolvedRun, corpora: Corpora, split: str) -> EvaluationData:
    """A split of ``corpora``, which may be other data than the run was trained on."""
    return EvaluationData(
        build_maker(run, corpora),
        evaluation_rows(run, corpora, lambda index: split),
        Padding(run.tokenizer.pad_id, run.settings.data.pad_to_multiple),
        run.settings.hardware.evaluation_batch,
        run.settings.data.workers,
    )


def build_maker(run: ResolvedRun, corpora: Corpora) -> SampleMaker:
    """How this run reads a page of ``corpora``."""
    settings = run.settings
    encoder = settings.model.encoder(run.tokenizer, settings.data.box_level, settings.data.window_stride)
    targets = settings.task.targets(given_of(run))
    reader = corpora.reader(complete=settings.data.on_error == "raise")
    partners = RowDraw(tuple(_partner_rows(run, corpora)), tuple(corpora.firsts))
    return SampleMaker(reader, encoder, targets, settings.data.train_windows, settings.seed, partners)


def _partner_rows(run: ResolvedRun, corpora: Corpora) -> Iterator[Sequence[int]]:
    """Of each corpus the pages trained on, whose images may be shown in the place of others; else all that it has."""
    data = run.settings.data
    for index in corpora.indices:
        split = training_split(index, data, run.settings.trainer)
        if not all(part in index.splits for part in split.split("+")):
            yield range(len(index))
        else:
            rows = index.split(split)
            yield rows if data.share == 1 else SharedRows.of(index, rows, data.share)


def evaluation_rows(run: ResolvedRun, corpora: Corpora, split_of: Callable[[Index], str | None]) -> Sequence[int]:
    """The rows of a split, as many as the task scores; fewer under ``debug``, whose ``pages`` are training pages."""
    settings, debug = run.settings, run.settings.debug
    if debug.pages is not None and any(split_of(index) for index in corpora.indices):
        return corpora.rows(lambda index: training_split(index, settings.data, settings.trainer))[: debug.pages]
    rows = corpora.rows(split_of)
    most = settings.task.scored_pages
    if most is not None and len(rows) > most:
        rows = [rows[number * len(rows) // most] for number in range(most)]
    return rows[: debug.evaluation_pages]


def build_trainer(
    hardware: HardwareSettings,
    folder: Path,
    *,
    callbacks: Sequence[pl.Callback] = (),
    max_steps: int = 0,
    global_batch: int = 1,
    validate_every: int = 0,
    clip_norm: float = 0.0,
    profile: bool = False,
) -> pl.Trainer:
    """Lightning's Trainer as docexp uses it: it never logs, shows, samples or checkpoints on its own.

    With ``max_steps`` it trains, under the hardware's strategy; without, it evaluates: plainly, or under DDP, whatever
    shared the training.
    """
    if hardware.accelerator == "cpu":
        keep_memory()
    accumulation = hardware.accumulation(global_batch) if max_steps else 1
    profiler = SimpleProfiler(dirpath=folder, filename="profile") if profile else None
    return pl.Trainer(
        default_root_dir=folder,
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy=_strategy(hardware, clip_norm if max_steps else None),
        # a strategy that has precisions of its own does not look at this one
        precision="bf16-mixed" if hardware.precision == "bf16-mixed" else None,
        max_steps=max_steps or -1,
        max_epochs=-1,
        accumulate_grad_batches=accumulation,
        gradient_clip_val=None if hardware.sharing.clips else clip_norm or None,
        val_check_interval=validate_every * accumulation if validate_every else None,
        limit_val_batches=None if validate_every else 0,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        # named, as Lightning would take an allocation's environment for that of a rank
        plugins=[FolderCheckpointIO(), TorchElasticEnvironment() if ranks.is_rank() else LightningEnvironment()],
        profiler=profiler,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _strategy(hardware: HardwareSettings, clip_norm: float | None) -> Strategy | str:
    """The strategy that trains, or without a ``clip_norm`` the one that evaluates."""
    sharing = DDPSettings() if clip_norm is None else hardware.sharing
    if hardware.ranks == 1 and isinstance(sharing, DDPSettings):
        return "auto"
    return sharing.build(hardware.accelerator, hardware.precision, clip_norm or 0.0)
