"""An image tokenizer from its folder; nothing in a file is ever executed."""

import json
from pathlib import Path
from typing import Any

import torch

from docexp.errors import DocexpError
from docexp.hub import local_folder
from docexp.models.weight_files import read_tensors
from docexp.models.weight_folder import SHARDED, SINGLE
from docexp.objectives.image_tokenizer.sizes import size_of
from docexp.objectives.image_tokenizer.tokenizer import CONFIG, ImageTokenizer, check_fits

PICKLES = ("*.bin", "*.pkl", "*.pt", "*.pth")


def load_image_tokenizer(place: str) -> ImageTokenizer:
    """The image tokenizer in a folder with ``config.json`` and ``model.safetensors``, or of a hub id in the cache.

    ``config.json`` names the kind, ``"model_type": "discrete_vae"`` or ``"dall_e"``, and sizes that are not the
    defaults (``sizes``). Tensors have their authors' names; DALL-E's ``encoder.`` or ``decoder.`` before them.

    Raises:
        DocexpError: nothing there, a pickle alone, a file that is cut off, another kind of model, or weights that do
            not fit the configuration; the file is named.
    """
    folder = local_folder(place, [CONFIG, "*.safetensors*", *PICKLES])
    _refuse_pickles(folder)
    size = size_of(_config(folder), str(folder / CONFIG))
    with torch.device("meta"):
        model = size.build()
    tensors = read_tensors(folder)
    check_fits(size, model, tensors, str(folder))
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return ImageTokenizer(size, model)


def _config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DocexpError(
            f'{folder} has no {CONFIG}, so nothing says what its weights are. For DiT\'s: {{"model_type": '
            '"discrete_vae"}, for DALL-E\'s: {"model_type": "dall_e"}.'
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise DocexpError(f"{file} is no configuration of an image tokenizer ({error})") from None


def _refuse_pickles(folder: Path) -> None:
    if (folder / SINGLE).is_file() or (folder / SHARDED).is_file():
        return
    pickles = sorted(file for pattern in PICKLES for file in folder.glob(pattern))
    if not pickles:
        return
    names = {file.stem for file in pickles}
    if {"encoder", "decoder"} <= names:  # whole modules, whose class must be importable
        read = (
            "{f'{h}.{k}': v for h in ('encoder', 'decoder') "
            f"for k, v in torch.load(f'{folder}/{{h}}.pkl', weights_only=False).state_dict().items()}}"
        )
    else:
        read = f"(lambda w: w.get('weights', w))(torch.load('{pickles[0]}', weights_only=True))"
    raise DocexpError(
        f"{pickles[0]} is a pickle, which can run code when it is opened: docexp reads safetensors alone. Convert it "
        f'where you trust it:\n  python -c "import torch, safetensors.torch as s; '
        f"s.save_file({{k: v.clone() for k, v in {read}.items()}}, '{folder / SINGLE}')\""
    )
