"""Published weights into a backbone: every tensor is accounted for, and nothing is guessed."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar

from torch import Tensor
from transformers import PreTrainedConfig

from docexp.errors import DocexpError
from docexp.hub import local_folder
from docexp.models.backbone import Backbone
from docexp.models.weight_files import read_tensors

SHOWN = 3
"""Names that a message gives of a longer list."""


class PublishedBackbone(Backbone):
    """A backbone whose parameters have the names of its family's published checkpoints."""

    prefix: ClassVar[str]
    """What the state dict's names begin with. Checkpoints of the bare model leave it out, those with heads do not."""
    config: PreTrainedConfig
    """The transformers configuration of what was built."""
    config_keys: ClassVar[tuple[str, ...]]
    """Entries of ``config.json`` that change outputs without showing in any tensor's shape: they have to agree."""
    parts: ClassVar[Mapping[str, tuple[str, ...]]]
    """What a setting of the family leaves unbuilt: the setting, and the beginnings of the names, without prefix."""


@dataclass(frozen=True)
class LoadReport:
    """What became of every tensor of a checkpoint; the body's names without prefix."""

    source: str
    loaded: int
    """Tensors that were loaded: all that the backbone has."""
    resized: tuple[str, ...]
    """Tensors among them that were made for another image size, and interpolated."""
    left_out: tuple[str, ...]
    """Tensors of a part of the model that its settings leave unbuilt."""
    constants: tuple[str, ...]
    """Tensors that older checkpoints hold and the model computes."""
    heads: tuple[str, ...]
    """Tensors of task heads, which are not the backbone's."""

    def __str__(self) -> str:
        ignored = {"not built": self.left_out, "constants": self.constants, "heads": self.heads}
        said = [f"{len(names)} {kind} ({_some(names)})" for kind, names in ignored.items() if names]
        resized = f", {_some(self.resized)} resized to this image size" if self.resized else ""
        return f"{self.source}: {self.loaded} tensors loaded{resized}" + (
            f"; ignored: {'; '.join(said)}" if said else ""
        )


def load_weights(backbone: Backbone, source: str) -> LoadReport:
    """Loads all of a backbone's parameters from ``source``.

    Args:
        backbone: is changed in place.
        source: a folder in the hub's layout (``config.json`` beside the weights), or a hub id in the local cache;
            downloading needs ``DOCEXP_ONLINE=1``.

    Raises:
        DocexpError: nothing there, another configuration or vocabulary, shapes that differ, tensors that are missing
            or unknown; the backbone is then as before.
    """
    if not isinstance(backbone, PublishedBackbone):
        raise DocexpError(f"there are no published weights for {type(backbone).__name__}; leave model.weights unset")
    folder = local_folder(source, ["*.json", "*.safetensors"])
    _check_config(backbone, folder / "config.json", source)
    tensors = read_tensors(folder)
    own = _bare(backbone.state_dict(), backbone.prefix)
    body, heads = _split(tensors, backbone.prefix, {*own, *chain.from_iterable(backbone.parts.values())})
    constants = _bare(dict(backbone.named_buffers()), backbone.prefix).keys() - own.keys()
    unbuilt = [starts for starts in backbone.parts.values() if not any(name.startswith(starts) for name in own)]
    left_out = {name for name in body if name.startswith(tuple(chain.from_iterable(unbuilt)))}
    _check_names(backbone, own.keys() - body.keys(), body.keys() - own.keys() - constants - left_out, source)
    fitted = {name: backbone.adapted(name, body[name]) for name in own}
    _check_shapes(own, fitted, source)
    backbone.load_state_dict({backbone.prefix + name: tensor for name, tensor in fitted.items()})
    resized = {name for name in own if fitted[name].shape != body[name].shape}
    named = (resized, left_out, constants & body.keys(), heads)
    return LoadReport(source, len(own), *(tuple(sorted(names)) for names in named))


def _bare(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}


def _split(tensors: Mapping[str, Tensor], prefix: str, known: Iterable[str]) -> tuple[dict[str, Tensor], list[str]]:
    """The body's tensors without prefix, and the names of the others, which are heads'."""
    if any(name.startswith(prefix) for name in tensors):
        body = {name for name in tensors if name.startswith(prefix)}
    else:  # a bare model; what lies outside its modules is a head all the same
        modules = {name.split(".")[0] for name in known}
        body = {name for name in tensors if name.split(".")[0] in modules}
    return _bare({name: tensors[name] for name in body}, prefix), [name for name in tensors if name not in body]


def _check_config(backbone: PublishedBackbone, file: Path, source: str) -> None:
    try:
        published = dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DocexpError(f"{file.parent} has no config.json, so nothing says how its weights are to be used") from None
    except (ValueError, TypeError) as error:
        raise DocexpError(f"{file} is no configuration of a model ({error})") from None
    for key in backbone.config_keys:
        theirs, ours = published.get(key), getattr(backbone.config, key)
        if theirs is not None and theirs != ours:
            raise DocexpError(f"{source} was made with {key}={theirs} (its config.json), this model has {key}={ours}")


def _check_names(backbone: PublishedBackbone, missing: Collection[str], unknown: Collection[str], source: str) -> None:
    if unknown:
        raise DocexpError(f"{source} holds {len(unknown)} tensors that this model has not: {_some(unknown)}")
    if missing:
        without = [key for key, starts in backbone.parts.items() if all(name.startswith(starts) for name in missing)]
        advice = f". Set model.{without[0]}, or give weights that have them" if without else ""
        raise DocexpError(f"{source} lacks {len(missing)} tensors of this model: {_some(missing)}{advice}.")


def _check_shapes(own: Mapping[str, Tensor], body: Mapping[str, Tensor], source: str) -> None:
    wrong = [name for name in own if own[name].shape != body[name].shape]
    vocabulary = [name for name in wrong if name.endswith("word_embeddings.weight")]
    if vocabulary and own[vocabulary[0]].shape[1:] == body[vocabulary[0]].shape[1:]:
        theirs, ours = (len(tensors[vocabulary[0]]) for tensors in (body, own))
        raise DocexpError(
            f"{source} has a vocabulary of {theirs:,} tokens, the tokenizer one of {ours:,}. "
            f"Leave model.tokenizer unset to take the one that belongs to the weights."
        )
    if wrong:
        shown = [f"{name} {list(body[name].shape)} against {list(own[name].shape)}" for name in wrong]
        raise DocexpError(f"{source} does not fit, {len(wrong)} tensors differ in shape: {_some(shown)}")


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
