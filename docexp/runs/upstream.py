"""Where a run's first weights come from: another run (``run:…``), or a folder or hub id of published weights."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError, choice
from docexp.hub import local_folder
from docexp.models.weight_folder import PATTERNS, weights_file
from docexp.runs.find import find
from docexp.runs.folder import RunFolder

PREFIX = "run:"
WEIGHT_FILES = ["*.safetensors", "pytorch_model*.bin"]
"""What is digested: a pickle too, though it is never opened, so that runs made beside one keep their identity."""


@dataclass(frozen=True)
class Upstream:
    """``fingerprint`` goes into the downstream run's identity and does not depend on how the source was spelled."""

    fingerprint: dict[str, Any]
    run: RunFolder | None
    checkpoint: str
    """``last`` or ``best`` of a run; empty for published weights."""


def upstream_of(weights: str | None, runs: Path) -> Upstream | None:
    """Resolves ``model.weights``.

    Args:
        weights: None, ``run:<identity or experiment+overrides>[@last|@best]``, a folder, or a hub id.
        runs: the folder of runs.

    Raises:
        DocexpError: no such run, an unfinished one, or no such folder.
    """
    if weights is None:
        return None
    if not weights.startswith(PREFIX):
        return Upstream({"files": _files_digest(local_folder(weights, PATTERNS))}, None, "")
    text, checkpoint = _parts(weights)
    run = find(text, runs)
    if not run.result.is_file():
        raise DocexpError(f"{weights}: run {run.identity} is not finished. Finish it first: it lies in {run.path}")
    if not (run.checkpoints / checkpoint).is_file():
        raise _no_checkpoint(run, checkpoint)
    return _of_run(run, checkpoint)


def coming_upstream(weights: str | None, run: RunFolder, selection: str) -> Upstream:
    """``upstream_of`` for a run that may not have been trained yet; ``selection`` is its ``trainer.selection``.

    Raises:
        DocexpError: ``weights`` asks for a best checkpoint, and that run will not keep one.
    """
    if weights is None or not weights.startswith(f"{PREFIX}{run.identity}"):
        raise ValueError(f"model.weights={weights} does not name run {run.identity}")
    checkpoint = _parts(weights)[1]
    if checkpoint == "best" and selection == "last":
        raise _no_checkpoint(run, checkpoint)
    return _of_run(run, checkpoint)


def _parts(weights: str) -> tuple[str, str]:
    """What names the run, and the checkpoint."""
    text, _, checkpoint = weights.removeprefix(PREFIX).partition("@")
    choice(f"{weights}: the checkpoint", checkpoint or "last", ("last", "best"))
    return text, checkpoint or "last"


def _of_run(run: RunFolder, checkpoint: str) -> Upstream:
    return Upstream({"run": run.identity, "checkpoint": checkpoint}, run, checkpoint)


def _no_checkpoint(run: RunFolder, checkpoint: str) -> DocexpError:
    return DocexpError(f"run {run.identity} has no {checkpoint} checkpoint: only trainer.selection=best_… keeps one")


def _files_digest(folder: Path) -> str:
    weights_file(folder)
    files = sorted({file for pattern in WEIGHT_FILES for file in folder.glob(pattern)})
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
