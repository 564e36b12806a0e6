"""A trained image tokenizer, frozen: pixels to codes, and known by its checksum."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from docexp.errors import DocexpError
from docexp.models.weight_folder import SINGLE
from docexp.objectives.image_tokenizer.dalle import DalleVAE
from docexp.objectives.image_tokenizer.discrete_vae import DiscreteVAE
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings, TokenizerSettings

AT_ONCE = 8
"""Images that go through the encoder together, always as many, so that an image's codes are not a matter of company."""


class ImageTokenizer:
    """A network of either kind that no longer learns. It is no module: nothing of it enters another's state dict.

    Args:
        network: is put into evaluation mode, and its parameters ask for no gradient.
        settings: its sizes.
    """

    def __init__(self, network: DiscreteVAE | DalleVAE, settings: TokenizerSettings) -> None:
        self.network, self.settings = network.eval().requires_grad_(False).float(), settings

    @property
    def vocabulary(self) -> int:
        """Codes that there are."""
        return self.settings.vocabulary

    @property
    def factor(self) -> int:
        """Pixels along one side of the square that a code stands for."""
        return self.settings.factor

    @torch.no_grad()
    def codes(self, pixels: Tensor) -> Tensor:
        """The likeliest code of every square, ``[N, h/8, w/8]`` int64, of ``[N, 3, h, w]`` uint8.

        It computes on the pixels' device in float32, whatever precision surrounds it, and on a CPU with one thread. An
        image's codes are the same alone and beside others, stored and made while training.

        Raises:
            DocexpError: sides that ``factor`` does not divide.
        """
        height, width = pixels.shape[-2:]
        if height % self.factor or width % self.factor:
            raise DocexpError(f"an image of {height} × {width} pixels does not divide into codes of {self.factor}")
        self.network.to(pixels.device)
        with _one_thread() if pixels.device.type == "cpu" else nullcontext():
            parts = [self._some(part) for part in pixels.split(AT_ONCE)]
        empty = torch.empty((0, height // self.factor, width // self.factor), dtype=torch.int64, device=pixels.device)
        return torch.cat([empty, *parts])

    def _some(self, pixels: Tensor) -> Tensor:
        """The codes of at most ``AT_ONCE`` images."""
        there = len(pixels)
        filled = torch.cat([pixels, pixels.new_zeros(AT_ONCE - there, *pixels.shape[1:])])
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.autocast(pixels.device.type, enabled=False), exact:
            return self.network.logits(self.network.normalised(filled)).argmax(dim=1)[:there]

    @torch.no_grad()
    def images(self, codes: Tensor) -> Tensor:
        """What codes ``[N, h/8, w/8]`` look like: ``[N, 3, h, w]`` uint8."""
        self.network.to(codes.device)
        return (self.network.denormalised(self.network.decode(codes)) * 255).round().to(torch.uint8)

    @cached_property
    def checksum(self) -> str:
        """sha256 of the sizes and of the encoder's tensors, which alone decide over codes."""
        digest = hashlib.sha256(_as_json(self.settings).encode())
        for name, tensor in sorted(self.network.encoder.state_dict().items()):
            digest.update(f"{name} {list(tensor.shape)} ".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Writes ``config.json`` and ``model.safetensors`` into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        save_file(tensors, folder / SINGLE)
        (folder / "config.json").write_text(_as_json(self.settings) + "\n", encoding="utf-8")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch's sums depend on the number of threads, and two codes may be nearly as likely."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def build_network(settings: TokenizerSettings) -> DiscreteVAE | DalleVAE:
    """The network of these sizes, its weights drawn from torch's generator."""
    network: nn.Module = DiscreteVAE(settings) if isinstance(settings, DiscreteVAESettings) else DalleVAE(settings)
    assert isinstance(network, DiscreteVAE | DalleVAE)
    return network


def _as_json(settings: TokenizerSettings) -> str:
    return json.dumps({"model_type": settings.model_type, **dataclasses.asdict(settings)}, indent=1, sort_keys=True)
