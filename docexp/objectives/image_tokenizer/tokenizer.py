"""An image tokenizer in use: frozen, from images to codes and back."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from docexp.errors import DocexpError
from docexp.models.weight_folder import SINGLE
from docexp.objectives.image_tokenizer.codec import Codec
from docexp.objectives.image_tokenizer.sizes import TokenizerSize
from docexp.runs.atomic import new_folder

CONFIG = "config.json"


class ImageTokenizer:
    """A trained encoder and decoder that no longer change, whatever kind they are.

    Args:
        size: what the model was built from.
        model: its weights are taken as they are, in float32.
    """

    def __init__(self, size: TokenizerSize, model: Codec) -> None:
        self.size, self._model = size, model.float().eval().requires_grad_(False)

    @property
    def vocabulary(self) -> int:
        """The number of codes."""
        return self.size.vocabulary

    @property
    def factor(self) -> int:
        """Pixels that a code stands for in each direction: 8."""
        return self.size.factor

    @cached_property
    def checksum(self) -> str:
        """sha256 over the configuration and every weight."""
        digest = hashlib.sha256(json.dumps(self.size.to_json(), sort_keys=True).encode())
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def to(self, device: torch.device) -> "ImageTokenizer":
        """The same tokenizer, moved to a device."""
        self._model.to(device)
        return self

    @torch.no_grad()
    def codes(self, pixels: Tensor) -> Tensor:
        """The codes of images: ``[N, 3, H, W]`` uint8 to ``[N, H / factor, W / factor]`` int64.

        In float32 whatever precision is trained in, one image after the other, and on a CPU by one thread: an image
        has the same codes alone and among others, stored or made anew. Only another kind of device may decide
        otherwise where two codes are all but equally likely.

        Raises:
            ValueError: other values than uint8, or sides that are no multiples of ``factor``.
        """
        height, width = pixels.shape[-2:]
        if pixels.dtype != torch.uint8 or height % self.factor or width % self.factor:
            raise ValueError(f"{pixels.dtype} {tuple(pixels.shape)}: uint8, sides in multiples of {self.factor}")
        with exactly(pixels.device):
            one_by_one = [self._model.codes(self._model.normalised(image)) for image in pixels.split(1)]
        empty = pixels.new_empty((0, height // self.factor, width // self.factor), dtype=torch.long)
        return torch.cat([empty, *one_by_one])

    @torch.no_grad()
    def pixels(self, codes: Tensor) -> Tensor:
        """What codes stand for: ``[N, h, w]`` int64 to ``[N, 3, h · factor, w · factor]`` uint8."""
        with exactly(codes.device):
            return self._model.pixels(self._model.decode(codes))

    def save(self, folder: Path) -> None:
        """Writes ``config.json`` and ``model.safetensors``; a folder that is there already is replaced.

        Raises:
            DocexpError: the folder cannot be written.
        """
        with new_folder(folder) as draft:
            tensors = {name: tensor.cpu().contiguous() for name, tensor in self._model.state_dict().items()}
            save_file(tensors, draft / SINGLE)
            (draft / CONFIG).write_text(json.dumps(self.size.to_json(), indent=1) + "\n", encoding="utf-8")


@contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """Full float32 without autocast, and on a CPU one thread: how many there are may change sums in their last bits."""
    threads = torch.get_num_threads()
    full = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    with torch.autocast(device.type, enabled=False), full if device.type == "cuda" else nullcontext():
        try:
            if device.type == "cpu":
                torch.set_num_threads(1)
            yield
        finally:
            torch.set_num_threads(threads)


def check_fits(size: TokenizerSize, model: Codec, tensors: dict[str, Tensor], where: str) -> None:
    """Refuses weights that are not those of the model.

    Raises:
        DocexpError: names the first tensor that is missing, not the model's, or of another shape or type.
    """
    own = model.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        what = "lacks" if name in own else f"holds what no {size.kind} of this size has:"
        raise DocexpError(f"{where} {what} {name}. Its {CONFIG} states another size, or it is another model.")
    for name, tensor in own.items():
        if tensors[name].shape != tensor.shape:
            theirs, ours = (list(each.shape) for each in (tensors[name], tensor))
            raise DocexpError(f"{where}: {name} is {theirs}, by its {CONFIG} it should be {ours}.")
        if not tensors[name].is_floating_point():
            raise DocexpError(f"{where}: {name} holds {tensors[name].dtype}, no numbers of a model.")
