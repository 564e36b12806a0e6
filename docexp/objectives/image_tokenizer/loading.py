"""Image tokenizers from where they lie: a folder, or a run that trained one."""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from docexp.errors import DocexpError, nearest
from docexp.models.weight_files import read_tensors
from docexp.models.weight_folder import SHARDED, SINGLE
from docexp.objectives.image_tokenizer.settings import KINDS, DiscreteVAESettings, TokenizerSettings
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer, build_network
from docexp.runs.upstream import PREFIX, upstream_of

PICKLES = ("*.pkl", "*.bin", "*.pt", "*.pth", "*.ckpt")
TRAINED = "backbone.vae."
"""What the names of the network's weights begin with in a run's checkpoint."""


def load_image_tokenizer(place: str, runs: Path | None = None) -> ImageTokenizer:
    """A frozen image tokenizer on the CPU.

    Weights of others are converted once. DALL-E's ``encoder.pkl`` and ``decoder.pkl`` give their state dicts' names
    behind ``encoder.`` and ``decoder.``, BEiT's own kind what lies under ``weights``; beside ``model.safetensors``
    stands a ``config.json`` with ``model_type`` (``dall_e`` or ``discrete_vae``) and what differs from the defaults.

    Args:
        place: a folder with ``config.json`` and ``model.safetensors``, or ``run:<identity>[@last|@best]``.
        runs: the folder of runs; unset: ``$DOCEXP_RUNS``, or ``runs``.

    Raises:
        DocexpError: nothing there, a pickle, another kind of model, a file that is cut short, or tensors that are
            missing, unknown or of another shape.
    """
    if place.startswith(PREFIX):
        settings, tensors = _of_run(place, runs or Path(os.environ.get("DOCEXP_RUNS", "runs")))
    else:
        settings, tensors = _of_folder(Path(place).expanduser())
    with torch.device("meta"):
        network = build_network(settings)
    _check(network.state_dict(), tensors, place)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return ImageTokenizer(network, settings)


def _of_folder(folder: Path) -> tuple[TokenizerSettings, dict[str, Tensor]]:
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "does not exist"
        raise DocexpError(f"image tokenizer {folder} {what}: give a folder with config.json and {SINGLE}, or run:…")
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles and not any((folder / name).is_file() for name in (SINGLE, SHARDED)):
        raise DocexpError(
            f"image tokenizer {folder} is a pickle ({', '.join(pickles)}), which can run code when it is opened. "
            f"Convert it to {SINGLE} where you trust it; the names are told in the docs of load_image_tokenizer."
        )
    return _settings(folder / "config.json"), read_tensors(folder)


def _settings(file: Path) -> TokenizerSettings:
    try:
        said = dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DocexpError(f"{file} is missing: it says of which kind and size the image tokenizer is") from None
    except (ValueError, TypeError) as error:
        raise DocexpError(f"{file} is no configuration of an image tokenizer ({error})") from None
    kind = said.pop("model_type", None)
    if kind not in KINDS:
        raise DocexpError(f"{file}: model_type={kind} is no image tokenizer, which are {' and '.join(KINDS)}")
    known = [item.name for item in fields(KINDS[kind])]
    for name, value in said.items():
        if name not in known:
            close = nearest(name, known)
            raise DocexpError(f"{file}: {kind} has no {name}" + (f". Nearest: {close[0]}." if close else ""))
        if not isinstance(value, int) or isinstance(value, bool):
            raise DocexpError(f"{file}: {name}={value!r} must be a whole number")
    try:
        return KINDS[kind](**said)
    except DocexpError as error:
        raise DocexpError(f"{file}: {error}") from None


def _of_run(place: str, runs: Path) -> tuple[TokenizerSettings, dict[str, Tensor]]:
    upstream = upstream_of(place, runs)
    assert upstream is not None
    assert upstream.run is not None
    model: Mapping[str, Any] = upstream.run.read_config()["model"]
    sizes = [item.name for item in fields(DiscreteVAESettings)]
    if not model.keys() >= set(sizes):
        raise DocexpError(f"{place} trained {model['_target_'].rpartition('.')[2]}, which is no image tokenizer")
    checkpoint = upstream.run.checkpoints / (upstream.run.checkpoints / upstream.checkpoint).read_text().strip()
    tensors = read_tensors(checkpoint)
    own = {name.removeprefix(TRAINED): tensor for name, tensor in tensors.items() if name.startswith(TRAINED)}
    return DiscreteVAESettings(**{name: model[name] for name in sizes}), own


def _check(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], place: str) -> None:
    missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unknown:
        what = f"lacks {len(missing)} tensors, such as {missing[0]}" if missing else ""
        more = f"holds {len(unknown)} that it should not, such as {unknown[0]}" if unknown else ""
        raise DocexpError(f"image tokenizer {place} {' and '.join(filter(None, (what, more)))}: see its config.json")
    wrong = [name for name in own if own[name].shape != tensors[name].shape]
    if wrong:
        name = wrong[0]
        raise DocexpError(
            f"image tokenizer {place}: {name} is {list(tensors[name].shape)}, its config.json makes it "
            f"{list(own[name].shape)}; {len(wrong)} tensors differ"
        )
