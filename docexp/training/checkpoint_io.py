"""Checkpoints as folders that are either complete or not there.

``checkpoints/step-000100/`` holds ``model.safetensors`` (the weights, no pickle) and ``training.ckpt`` (optimiser,
schedule, loops, loader: read with torch's safe unpickler). ``last`` and ``best`` are small files naming a folder.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO
from safetensors.torch import load_file, save_file

from docexp.errors import DocexpError
from docexp.runs import atomic

WEIGHTS = "model.safetensors"
TRAINING = "training.ckpt"


class FolderCheckpointIO(CheckpointIO):
    """Writes a checkpoint beside its place, forces it to disk, and renames it when it is complete."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """``path`` is the folder to be; a complete folder of that name is replaced (it holds the same step)."""
        del storage_options
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint["state_dict"].items()}
        with atomic.new_folder(Path(path)) as partial:
            save_file(weights, partial / WEIGHTS)
            torch.save({**checkpoint, "state_dict": {}}, partial / TRAINING)

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """The checkpoint with its weights; always through torch's safe unpickler."""
        del weights_only
        folder = Path(path)
        checkpoint = torch.load(folder / TRAINING, map_location=map_location or "cpu", weights_only=True)
        checkpoint["state_dict"] = load_file(folder / WEIGHTS)
        return checkpoint

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Removes a checkpoint's folder."""
        shutil.rmtree(path, ignore_errors=True)


def point(folder: Path, name: str, checkpoint: Path) -> None:
    """Makes ``folder/name`` (``last`` or ``best``) name ``checkpoint``, atomically."""
    atomic.write_text(folder / name, checkpoint.name + "\n")


def pointed(folder: Path, name: str) -> Path | None:
    """The checkpoint that ``last`` or ``best`` names; None when there is none yet.

    Raises:
        DocexpError: it names a folder that is gone.
    """
    file = folder / name
    if not file.is_file():
        return None
    target = folder / file.read_text().strip()
    if not (target / TRAINING).is_file():
        raise DocexpError(f"{file} names {target.name}, which is gone. Train anew: docexp train … --again")
    return target


def discard_partial(folder: Path) -> None:
    """Removes what a killed process left half-written."""
    for leftover in folder.glob(f"{atomic.PARTIAL}*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def load_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The weights alone, names as in ``RunModule``: ``backbone.…`` and ``task.…``."""
    return load_file(checkpoint / WEIGHTS)
