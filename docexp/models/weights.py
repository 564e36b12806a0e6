"""First weights into a backbone: every tensor is accounted for, and nothing is guessed."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor
from transformers import PreTrainedConfig

from docexp.errors import DocexpError
from docexp.hub import local_folder
from docexp.models.backbone import Backbone
from docexp.models.licences import licence_of_folder
from docexp.models.settings import ModelSettings
from docexp.models.weight_files import read_tensors
from docexp.models.weight_folder import PATTERNS
from docexp.models.weight_names import chooses, matching, modern, some
from docexp.models.weight_report import LoadReport
from docexp.models.weight_rows import Rows, fitted_rows

TEXT_MODELS = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
"""``model_type`` of the text models that a backbone may start from, and the prefix of their checkpoints' names."""

TEXT_KEYS = (
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_size",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
)
"""What of a text model's ``config.json`` has to agree."""


class PublishedBackbone(Backbone):
    """A backbone whose parameters have the names of its family's published checkpoints."""

    family: ClassVar[str]
    """``model_type`` in the ``config.json`` of its checkpoints."""
    config: PreTrainedConfig
    """The transformers configuration of what was built."""
    config_keys: ClassVar[tuple[str, ...]]
    """Entries of ``config.json`` that have to agree: the sizes, and what changes outputs without showing in a shape."""
    setting_of: ClassVar[Mapping[str, str]] = {}
    """The model's setting behind an entry of ``config.json``, where there is one."""

    @property
    def first_position(self) -> int:
        """The row of the table of text positions that belongs to the first token: 0 as in BERT."""
        return 0

    def own_names(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A published checkpoint's tensors, heads' included, under this model's names: here as they are."""
        return tensors


@dataclass(frozen=True)
class Allowed:
    """Mismatches that a run accepts by name; see ``ModelSettings``."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    resize_vocabulary: bool = False

    def lets_be_missing(self, name: str) -> bool:
        """Whether a parameter may stay as drawn."""
        return any(chooses(pattern, name) for pattern in self.missing)

    @classmethod
    def by(cls, settings: ModelSettings) -> "Allowed":
        """What the settings allow."""
        return cls(tuple(settings.allow_missing), tuple(settings.allow_unexpected), settings.resize_vocabulary)


def load_weights(
    backbone: Backbone, source: str, allowed: Allowed | None = None, licence: str = "", without: Collection[str] = ()
) -> LoadReport:
    """Loads published weights: of the backbone's own family, or of a text model (BERT, RoBERTa, XLM-RoBERTa).

    A text model gives word, position and type embeddings and the encoder's layers; everything else stays as drawn.

    Args:
        backbone: is changed in place.
        source: a folder in the hub's layout (``config.json`` beside the weights), or a hub id in the local cache;
            downloading needs ``DOCEXP_ONLINE=1``.
        allowed: mismatches that are accepted by name; unset: none.
        licence: the terms of the family's published weights, for a folder that states none itself.
        without: tensors, without prefix, that are not to be taken: as if the weights lacked them.

    Raises:
        DocexpError: nothing there, another configuration or vocabulary, shapes that differ, tensors that are missing
            or unknown; the backbone is then as before.
    """
    if not isinstance(backbone, PublishedBackbone):
        raise DocexpError(f"there are no published weights for {type(backbone).__name__}; leave model.weights unset")
    folder = local_folder(source, PATTERNS)
    published = _config(folder)
    kind = str(published.get("model_type", backbone.family))
    _check_config(backbone, kind, published, source)
    text = kind != backbone.family
    prefix = TEXT_MODELS[kind] if text else backbone.prefix
    found = modern(read_tensors(folder)) if text else backbone.own_names(modern(read_tensors(folder)))
    tensors = {n: w for n, w in found.items() if n.removeprefix(prefix) not in without}
    positions = _first_position(kind, published) if text else backbone.first_position
    terms = licence_of_folder(folder) or ("" if text else licence)
    return fit(
        backbone, tensors, source, allowed or Allowed(), prefix=prefix, text=text, first=positions, licence=terms
    )


def fit(
    backbone: Backbone,
    tensors: Mapping[str, Tensor],
    source: str,
    allowed: Allowed,
    *,
    prefix: str | None = None,
    text: bool = False,
    first: int | None = None,
    licence: str = "",
) -> LoadReport:
    """Puts tensors into a backbone, or refuses them all.

    Args:
        backbone: is changed in place.
        tensors: by name, heads' included.
        source: how messages call where they come from.
        allowed: mismatches that are accepted by name.
        prefix: of the body's names; unset: the backbone's.
        text: whether they are a text model's, which has no part in what is the backbone's alone.
        first: the row of the first token's position; unset: the backbone's.
        licence: goes into the report.

    Raises:
        DocexpError: a mismatch that is not allowed.
    """
    prefix = backbone.prefix if prefix is None else prefix
    here = backbone.first_position if isinstance(backbone, PublishedBackbone) else 0
    own = _bare(backbone.state_dict(), backbone.prefix)
    body, heads = _split(tensors, prefix, {*own, *chain.from_iterable(backbone.parts.values())})
    body = backbone.in_own_terms(body)
    constants = _bare(dict(backbone.named_buffers()), backbone.prefix).keys() - own.keys()
    unbuilt = [starts for starts in backbone.parts.values() if not any(name.startswith(starts) for name in own)]
    left_out = {name for name in body if name.startswith(tuple(chain.from_iterable(unbuilt)))}
    may_lack = matching(allowed.missing, own, "model.allow_missing")
    beyond = {name for name in own if text and not name.startswith(backbone.text_side)}
    strange = body.keys() - own.keys() - constants - left_out
    unexpected = strange & matching(allowed.unexpected, body, "model.allow_unexpected")
    missing = own.keys() - body.keys()
    _check_names(backbone, missing - may_lack - beyond, strange - unexpected, source)
    rows = Rows(here if first is None else first, here, allowed.resize_vocabulary, frozenset(may_lack))
    fitted, resized = {}, {}
    for name in own.keys() & body.keys():
        fitted[name], how = fitted_rows(name, backbone.adapted(name, body[name]), own[name], rows, source)
        if how or fitted[name].shape != body[name].shape:
            resized[name] = how or f"interpolated, {_size(body[name])} → {_size(fitted[name])}"
    reshaped = {name for name in fitted if fitted[name].shape != own[name].shape} & may_lack
    fitted = {name: tensor for name, tensor in fitted.items() if name not in reshaped}
    _check_shapes(own, fitted, source)
    if not fitted:
        raise DocexpError(f"{source} holds nothing that this model has: its tensors are {some(tensors)}")
    backbone.load_state_dict({backbone.prefix + name: own[name] for name in own} | _named(fitted, backbone.prefix))
    return LoadReport(
        source,
        len(fitted),
        resized,
        missing=tuple(sorted(missing)),
        reshaped=tuple(sorted(reshaped)),
        unexpected=tuple(sorted(unexpected)),
        left_out=tuple(sorted(left_out)),
        constants=tuple(sorted(constants & body.keys())),
        heads=tuple(sorted(heads)),
        licence=licence,
    )


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _size(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape))


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


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DocexpError(f"{folder} has no config.json, so nothing says how its weights are to be used") from None
    except (ValueError, TypeError) as error:
        raise DocexpError(f"{file} is no configuration of a model ({error})") from None


def _check_config(backbone: PublishedBackbone, kind: str, published: Mapping[str, Any], source: str) -> None:
    texts = TEXT_MODELS if backbone.text_side else ()
    if kind not in (backbone.family, *texts):
        raise DocexpError(
            f"{source} holds a model of the family {kind}; this one is {backbone.family}"
            + (f" and takes, besides its own, {', '.join(texts)}" if texts else "")
            + ". Choose the model that belongs to the weights, or other weights."
        )
    keys = backbone.config_keys if kind == backbone.family else TEXT_KEYS
    pairs = {key: (published.get(key), getattr(backbone.config, key)) for key in keys}
    differing = {key: pair for key, pair in pairs.items() if pair[0] is not None and pair[0] != pair[1]}
    if differing:
        theirs, ours = (", ".join(f"{key}={pair[side]}" for key, pair in differing.items()) for side in (0, 1))
        wanted = [f"model.{backbone.setting_of.get(key)}={pair[0]}" for key, pair in differing.items()]
        single = len(differing) == 1 and next(iter(differing)) in backbone.setting_of
        advice = f"Set {wanted[0]}." if single else "Choose the model of that size, or other weights."
        raise DocexpError(f"{source} was made with {theirs} (its config.json), this model has {ours}. {advice}")


def _first_position(kind: str, published: Mapping[str, Any]) -> int:
    """RoBERTa counts positions from ``pad_token_id + 1`` (fairseq's ``make_positions``), BERT from 0."""
    return 0 if kind == "bert" else int(published.get("pad_token_id", 1)) + 1


def _check_names(backbone: Backbone, missing: Collection[str], unknown: Collection[str], source: str) -> None:
    if unknown:
        raise DocexpError(
            f"{source} holds {len(unknown)} tensors that this model has not: {some(unknown)}. "
            "Name those to be left out in model.allow_unexpected."
        )
    if missing:
        without = [key for key, starts in backbone.parts.items() if all(name.startswith(starts) for name in missing)]
        advice = f"Set model.{without[0]}, or give weights that have them" if without else "Give weights that have them"
        raise DocexpError(
            f"{source} lacks {len(missing)} tensors of this model: {some(missing)}. "
            f"{advice}, or name those that may stay as drawn in model.allow_missing."
        )


def _check_shapes(own: Mapping[str, Tensor], body: Mapping[str, Tensor], source: str) -> None:
    wrong = [name for name in body if own[name].shape != body[name].shape]
    if wrong:
        shown = [f"{name} {list(body[name].shape)} against {list(own[name].shape)}" for name in wrong]
        raise DocexpError(
            f"{source} does not fit, {len(wrong)} tensors differ in shape: {some(shown)}. "
            "Name those that may stay as drawn in model.allow_missing."
        )
