"""Tables whose rows stand for tokens, positions and types: what may be cut or extended when weights are loaded.

Imports no torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.errors import DocexpError

if TYPE_CHECKING:
    from torch import Tensor

WORDS, POSITIONS, TYPES = (f"embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type"))


@dataclass(frozen=True)
class Rows:
    """How rows of a checkpoint are to be taken.

    ``theirs`` and ``ours``: the row of the first token's position there and here. ``resize_vocabulary``: whether the
    table of tokens may be cut or extended. ``may_lack``: tables whose rows may partly stay as drawn.
    """

    theirs: int
    ours: int
    resize_vocabulary: bool
    may_lack: frozenset[str]


def fitted_rows(name: str, tensor: "Tensor", own: "Tensor", rows: Rows, source: str) -> tuple["Tensor", str]:
    """A checkpoint's tensor as the model takes it, and what was done to it: nothing, unless it is such a table.

    Text positions are moved to where this model counts from, and cut to those it reads: a shorter text never sees
    the others. Token types are cut to the first, the only one that is used. Tokens are kept by id.

    Args:
        name: without prefix.
        tensor: the checkpoint's.
        own: the model's, as drawn.
        rows: see ``Rows``.
        source: how messages call the checkpoint.

    Raises:
        DocexpError: a table that would have to grow, or another vocabulary, and neither is allowed.
    """
    if tensor.ndim != own.ndim or tensor.shape[1:] != own.shape[1:]:
        return tensor, ""
    if name == POSITIONS and (len(tensor), rows.theirs) != (len(own), rows.ours):
        return _positions(name, tensor, own, rows, source)
    if len(tensor) == len(own):
        return tensor, ""
    if name == WORDS:
        return _words(tensor, own, rows, source)
    if name == TYPES and len(tensor) > len(own):
        return tensor[: len(own)], f"cut from {len(tensor)} to {len(own)} types"
    return tensor, ""


def _positions(name: str, tensor: "Tensor", own: "Tensor", rows: Rows, source: str) -> tuple["Tensor", str]:
    theirs, ours = len(tensor) - rows.theirs, len(own) - rows.ours
    if theirs < ours and name not in rows.may_lack:
        raise DocexpError(
            f"{source} knows {theirs} positions of text, this model reads {ours}. Set model.max_tokens={theirs}, "
            f"or model.allow_missing=[{name}] to leave the further ones as drawn."
        )
    count, table = min(theirs, ours), own.detach().clone()
    table[: rows.ours] = 0  # padding has no position
    shared = min(rows.ours, rows.theirs)
    table[rows.ours - shared : rows.ours] = tensor[rows.theirs - shared : rows.theirs].to(table)
    table[rows.ours : rows.ours + count] = tensor[rows.theirs : rows.theirs + count].to(table)
    if theirs == ours:
        return table, f"moved by {rows.ours - rows.theirs} rows"
    return table, f"{'cut' if theirs > ours else 'extended'} from {theirs} to {ours} positions"


def _words(tensor: "Tensor", own: "Tensor", rows: Rows, source: str) -> tuple["Tensor", str]:
    theirs, ours = len(tensor), len(own)
    if not rows.resize_vocabulary:
        if WORDS in rows.may_lack:
            return tensor, ""
        raise DocexpError(
            f"{source} has a vocabulary of {theirs:,} tokens, the tokenizer one of {ours:,}. Leave model.tokenizer "
            "unset to take the one that belongs to the weights, or set model.resize_vocabulary=true to keep tokens "
            "by their id."
        )
    table = own.detach().clone()
    count = min(theirs, ours)
    table[:count] = tensor[:count].to(table)
    return table, f"{'cut' if theirs > ours else 'extended'} from {theirs:,} to {ours:,} tokens"
