"""Tensors from a model folder in the hub's layout; nothing in a file is ever executed."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from docexp.errors import DocexpError
from docexp.models.weight_folder import SHARDED, weights_file

LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header (https://huggingface.co/docs/safetensors)."""


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors by name, on the CPU: from one safetensors file, or from shards and their index.

    Raises:
        DocexpError: no such file, a pickle alone, or a file that does not open, named.
    """
    file = weights_file(folder)
    return _sharded(file) if file.name == SHARDED else _safetensors(file)


def _safetensors(file: Path) -> dict[str, Tensor]:
    _check_complete(file)
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise DocexpError(f"{file} does not open as safetensors ({error})") from error


def _check_complete(file: Path) -> None:
    """Refuses a file that is shorter than its header says; other faults are left to the library to find."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(LENGTH_BYTES), "little")
        if LENGTH_BYTES + length > size:  # cut inside the header, or a file of another kind
            return
        try:
            entries = json.loads(opened.read(length))
            end = max(entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return
    whole = LENGTH_BYTES + length + end
    if size < whole:
        raise DocexpError(f"{file} is incomplete: {size:,} of {whole:,} bytes. Fetch or copy it again.")


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
