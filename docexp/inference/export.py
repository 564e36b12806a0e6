"""A trained run as a folder for plain transformers, which has shown that it computes the same before it exists."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transformers.utils import logging

from docexp.errors import DocexpError
from docexp.inference.card import CONFIG, Facts, model_card
from docexp.inference.folder import open_model, open_processor, write_model, write_processor
from docexp.inference.rescore import Agreement, Plain, compare_pages
from docexp.runs import atomic
from docexp.runs.first_weights import FirstWeights
from docexp.runs.resolve import ResolvedRun
from docexp.runs.result import Evaluation
from docexp.training.build import build_maker, build_module
from docexp.training.checkpoint_io import load_weights
from docexp.training.module import RunModule

SPLITS = ("test", "validation", "train")
"""Where pages for comparing are taken from: the first that there is."""


@dataclass(frozen=True)
class Exported:
    """What was written, and how it was shown to be right."""

    folder: Path
    model_class: str
    scored: str
    agreement: Agreement
    metric: str
    ours: float
    theirs: float
    licence: str
    """The terms of the weights that the run started from; empty where there are none, or nothing states them."""


def export(run: ResolvedRun, checkpoint: Path, out: Path, pages: int | None) -> Exported:
    """Writes ``out`` whole or not at all.

    Args:
        run: the trained run with its data.
        checkpoint: the checkpoint's folder.
        out: the folder to make.
        pages: how many pages of the test split to compare, spread evenly; None: all.

    Raises:
        DocexpError: ``out`` is there already; transformers cannot express the model, with the reason; or it does not
            compute the same.
    """
    if out.exists():
        raise DocexpError(f"out={out} is there already. Give another folder, or remove it.")
    module = build_module(run)
    module.load_state_dict(load_weights(checkpoint))
    module.eval()
    draft = out.with_name(f"{atomic.PARTIAL}{out.name}")
    with atomic.mendable(out, "Choose another out=DIR."):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
    try:
        exported = _fill(run, checkpoint, module, draft, pages)
        with atomic.mendable(out, "Choose another out=DIR."):
            draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return replace(exported, folder=out)


def _fill(run: ResolvedRun, checkpoint: Path, module: RunModule, draft: Path, pages: int | None) -> Exported:
    backbone, head = module.backbone.plain(), module.task.plain_head()
    logging.disable_progress_bar()
    name = write_model(draft, backbone, head)
    write_processor(draft, backbone, run.tokenizer, run.settings.model.max_tokens)
    sees = backbone.image_size is not None
    plain = Plain(open_model(draft, name), open_processor(draft, backbone.family, sees), sees)
    rows, scored = _chosen(run, pages)
    agreement = compare_pages(
        build_maker(run, run.corpora),
        rows,
        module.backbone,
        head,
        plain,
        tokenizer=run.tokenizer,
        box_level=run.settings.data.box_level,
    )
    metric = run.settings.task.primary_metric
    ours, theirs = (module.task.scores(found)[metric] for found in (agreement.ours, agreement.theirs))
    facts = Facts(
        run=run,
        checkpoint=checkpoint.name,
        model_class=name,
        backbone=backbone,
        agreement=agreement,
        scored=scored,
        evaluations=_evaluations(run, checkpoint.name),
        weights=FirstWeights.of(run.folder),
    )
    shutil.copyfile(run.folder.config, draft / CONFIG)
    (draft / "README.md").write_text(model_card(facts), encoding="utf-8")
    return Exported(draft, name, scored, agreement, metric, ours, theirs, facts.weights.licence)


def _chosen(run: ResolvedRun, pages: int | None) -> tuple[Sequence[int], str]:
    split = next(name for name in SPLITS if run.corpora.has(name))
    rows = run.corpora.rows(lambda index: split)
    count = len(rows) if pages is None else min(pages, len(rows))
    chosen = [rows[number * len(rows) // count] for number in range(count)]
    what = f"all {count}" if count == len(rows) else f"{count} of {len(rows):,}"
    return chosen, f"{what} {split} pages of {run.corpora.name}"


def _evaluations(run: ResolvedRun, checkpoint: str) -> list[Evaluation]:
    """What is known about a checkpoint, the latest last."""
    found = [Evaluation.read(file) for file in sorted(run.folder.evaluations.glob("*/result.json"))]
    return sorted((e for e in found if e.checkpoint == checkpoint), key=lambda e: e.finished)
