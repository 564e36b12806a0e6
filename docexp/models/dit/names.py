"""The names of tensors in DiT's published checkpoints, and what transformers calls them today."""

from collections.abc import Mapping

from torch import Tensor

from docexp.errors import DocexpError

FORMER = (
    ("encoder.layer.", "layers."),
    ("attention.attention.query.", "attention.q_proj."),
    ("attention.attention.key.", "attention.k_proj."),
    ("attention.attention.value.", "attention.v_proj."),
    ("attention.output.dense.", "attention.o_proj."),
    ("intermediate.dense.", "mlp.fc1."),
    ("output.dense.", "mlp.fc2."),
)
"""Parts of names as published, and today's, to be replaced in this order (``save_pretrained`` writes the former)."""

NORM = "layernorm."
"""The norm after the last layer, in ``BeitModel`` without mean pooling."""


def own_names(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """A checkpoint's tensors under the names of ``DiT``.

    The norm after the last layer comes as ``layernorm``, a part of the pretraining's head, from a pretrained model,
    and as ``beit.pooler.layernorm`` from one that was fine-tuned on classes.

    Args:
        tensors: heads' included, of a bare model or with prefix.
        prefix: ``beit.``

    Raises:
        DocexpError: it has both norms.
    """
    body = prefix if any(name.startswith(prefix) for name in tensors) else ""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = _today(name)
        for norm in (NORM, f"{body}pooler.{NORM}"):
            if own.startswith(norm):
                own = body + NORM + own.removeprefix(norm)
        if own in found:
            raise DocexpError(f"the weights hold two norms after the last layer, {name} and another; DiT has one")
        found[own] = tensor
    return found


def _today(name: str) -> str:
    for former, today in FORMER:
        name = name.replace(former, today)
    return name
