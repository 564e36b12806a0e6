"""Published weights into a backbone: every tensor is accounted for, and nothing is guessed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from transformers import PretrainedConfig

from docexp.errors import DocexpError
from docexp.hub import local_folder
from docexp.models.backbone import Backbone
from docexp.models.weight_files import read_tensors

_SHOWN = 3


class PublishedBackbone(Backbone):
    """A backbone whose parameters have the names of its family's published checkpoints."""

    prefix: str
    """What the state dict's names begin with. Checkpoints of the bare model leave it out, those with heads do not."""
    config: PretrainedConfig
    """The transformers configuration of what was built."""
    config_keys: tuple[str, ...]
    """Entries of ``config.json`` that change outputs without showing in any tensor's shape: they have to agree."""
    parts: Mapping[str, tuple[str, ...]]
    """What a setting of the family leaves unbuilt: the setting, and the beginnings of the names, without prefix."""


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a checkpoint; names as the backbone's state dict has them."""

    source: str
    loaded: int
    """Tensors that were loaded: all that the backbone has."""
    left_out: tuple[str, ...]
    """Tensors of a part of the model that its settings leave unbuilt."""
    heads: tuple[str, ...]
    """Tensors of task heads, which are not the backbone's."""
    buffers: tuple[str, ...]
    """Constants that older checkpoints hold and the model computes."""

    def __str__(self) -> str:
        ignored = {"not built": self.left_out, "heads": self.heads, "constants": self.buffers}
        said = [f"{len(names)} {kind} ({_some(names)})" for kind, names in ignored.items() if names]
        return f"{self.source}: {self.loaded} tensors loaded" + (f"; ignored {', '.join(said)}" if said else "")


def load_weights(backbone: Backbone, source: str) -> LoadReport:
    """Loads all of a backbone's parameters from ``source``.

    Args:
        backbone: is changed in place.
        source: a folder in the hub's layout (``config.json`` beside the weights), or a hub id in the local cache;
            downloading needs ``DOCEXP_ONLINE=1``.

    Raises:
        DocexpError: nothing there, another vocabulary, another configuration, shapes that differ, or tensors that are
            missing or unknown; the backbone is then as before.
    """
    if not isinstance(backbone, PublishedBackbone):
        raise DocexpError(f"there are no published weights for {type(backbone).__name__}; leave model.weights unset")
    folder = local_folder(source, ["*.json", "*.safetensors"])
    _check_config(backbone, folder / "config.json", source)
    tensors = read_tensors(folder)
    own = backbone.state_dict()
    body, heads = _split(backbone, tensors)
    constants = {name for name, _ in backbone.named_buffers()} - own.keys()
    unbuilt = [start for starts in backbone.parts.values() if not _any_starts(own, backbone, starts) for start in starts]
    buffers = [name for name in body if name in constants]
    left_out = [name for name in body if name not in own and _starts(name, backbone, unbuilt)]
    unknown = body.keys() - own.keys() - constants - set(left_out)
    if unknown:
        raise DocexpError(f"{source} holds {len(unknown)} tensors that this model does not have: {_some(unknown)}")
    _check_complete(backbone, own.keys() - body.keys(), source)
    _check_shapes(own, body, source)
    backbone.load_state_dict({name: body[name] for name in own})
    return LoadReport(source, len(own), tuple(sorted(left_out)), tuple(sorted(heads)), tuple(sorted(buffers)))


def _split(backbone: PublishedBackbone, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The body's tensors under the backbone's names, and the names of the heads' tensors."""
    prefix = backbone.prefix
    bare = not any(name.startswith(prefix) for name in tensors)
    built = {name.removeprefix(prefix) for name in backbone.state_dict()}
    modules = {name.split(".")[0] for name in built.union(*backbone.parts.values())}
    body, heads = {}, []
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            body[name] = tensor
        elif bare and name.split(".")[0] in modules:
            body[prefix + name] = tensor
        else:
            heads.append(name)
    return body, heads


def _check_config(backbone: PublishedBackbone, file: Path, source: str) -> None:
    try:
        published = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DocexpError(f"{file.parent} has no config.json, so it does not say which model its weights are") from None
    except ValueError as error:
        raise DocexpError(f"{file} is no json ({error})") from None
    for key in backbone.config_keys:
        theirs, ours = published.get(key), getattr(backbone.config, key)
        if theirs is not None and theirs != ours:
            raise DocexpError(f"{source} is a model with {key}={theirs} (config.json), this one has {key}={ours}")


def _check_complete(backbone: PublishedBackbone, missing: Iterable[str], source: str) -> None:
    missing = sorted(missing)
    if not missing:
        return
    settings = [key for key, starts in backbone.parts.items() if all(_starts(n, backbone, starts) for n in missing)]
    advice = f" A model with model.{settings[0]} does without them." if settings else ""
    raise DocexpError(f"{source} lacks {len(missing)} tensors of this model: {_some(missing)}.{advice}")


def _check_shapes(own: Mapping[str, Tensor], body: Mapping[str, Tensor], source: str) -> None:
    wrong = [name for name in own if own[name].shape != body[name].shape]
    if not wrong:
        return
    words = next((name for name in wrong if name.endswith("word_embeddings.weight")), None)
    if words and own[words].shape[1:] == body[words].shape[1:]:
        raise DocexpError(
            f"{source} has a vocabulary of {len(body[words]):,} tokens, the run's tokenizer one of {len(own[words]):,}. "
            f"Leave model.tokenizer unset to take the one that belongs to the weights."
        )
    shown = "; ".join(f"{n} is {tuple(body[n].shape)}, not {tuple(own[n].shape)}" for n in wrong[:_SHOWN])
    more = f"; {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    raise DocexpError(f"{source} is a model of another size: {shown}{more}")


def _starts(name: str, backbone: PublishedBackbone, starts: Iterable[str]) -> bool:
    return name.removeprefix(backbone.prefix).startswith(tuple(starts))


def _any_starts(names: Iterable[str], backbone: PublishedBackbone, starts: Iterable[str]) -> bool:
    return any(_starts(name, backbone, starts) for name in names)


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
