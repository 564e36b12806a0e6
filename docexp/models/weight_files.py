"""Tensors from a model folder in the hub's layout; nothing in a file is ever executed."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from docexp.errors import DocexpError

SINGLE = "model.safetensors"
SHARDED = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors by name, on the CPU: from one safetensors file, from shards and their index, or from a pickle.

    The pickle of older checkpoints is read by torch's restricted loader, which builds tensors and nothing else.

    Raises:
        DocexpError: no such file, or one that does not open, naming it.
    """
    for name, read in ((SINGLE, _safetensors), (SHARDED, _sharded), (PICKLED, _pickled)):
        if (folder / name).is_file():
            return read(folder / name)
    raise DocexpError(f"{folder} holds no weights: neither {SINGLE}, {SHARDED} nor {PICKLED}")


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise DocexpError(f"{file} does not open as safetensors ({error})") from error


def _sharded(index: Path) -> dict[str, Tensor]:
    try:
        shard_of = dict(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
    except (ValueError, KeyError, TypeError) as error:
        raise DocexpError(f"{index} is no index of shards ({type(error).__name__}: {error})") from error
    tensors: dict[str, Tensor] = {}
    for shard in sorted(set(shard_of.values())):
        file = index.parent / shard
        if file.parent != index.parent or not file.is_file():
            raise DocexpError(f"{index} names the shard {shard}, which is not beside it")
        tensors |= _safetensors(file)
    absent = sorted(shard_of.keys() - tensors.keys())
    if absent:
        raise DocexpError(f"{index} names {len(absent)} tensors that no shard holds: {', '.join(absent[:3])}")
    return tensors


def _pickled(file: Path) -> dict[str, Tensor]:
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a refused pickle, a torn archive, a file of another kind: each has its own exception
        raise DocexpError(f"{file} does not open as weights ({type(error).__name__})") from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise DocexpError(f"{file} is no dictionary of tensors")
    return tensors
