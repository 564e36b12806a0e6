"""What became of every tensor of a checkpoint, in numbers and names."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from docexp.models.weight_names import in_short


@dataclass(frozen=True)
class LoadReport:
    """What became of every tensor of a checkpoint and of the backbone; the names without prefix."""

    source: str
    loaded: int
    """Tensors of the backbone that were loaded."""
    resized: dict[str, str] = field(default_factory=dict)
    """Those among them that were made for another size, and what was done: interpolated, cut, or extended."""
    missing: tuple[str, ...] = ()
    """Tensors of the backbone that stay as drawn because the checkpoint lacks them."""
    reshaped: tuple[str, ...] = ()
    """Tensors of the backbone that stay as drawn because the checkpoint's have another shape."""
    unexpected: tuple[str, ...] = ()
    """Tensors that the backbone has not, left out as was allowed."""
    left_out: tuple[str, ...] = ()
    """Tensors of a part of the model that its settings leave unbuilt."""
    constants: tuple[str, ...] = ()
    """Tensors that older checkpoints hold and the model computes."""
    heads: tuple[str, ...] = ()
    """Tensors of task heads, which are not the backbone's."""
    licence: str = ""
    """The terms of the weights, where anything states them."""

    def __str__(self) -> str:
        own = self.loaded + len(self.missing) + len(self.reshaped)
        said = [f"{self.source}: {self.loaded} of {own} tensors loaded"]
        said += [f"{name} {what}" for name, what in sorted(self.resized.items())]
        drawn = [_said("missing", self.missing), _said("of another shape", self.reshaped)]
        said += [f"as drawn: {'; '.join(filter(None, drawn))}"] if any(drawn) else []
        kinds = {
            "unexpected": self.unexpected,
            "not built": self.left_out,
            "constants": self.constants,
            "heads": self.heads,
        }
        ignored = [_said(kind, names) for kind, names in kinds.items() if names]
        said += [f"ignored: {'; '.join(ignored)}"] if ignored else []
        return "; ".join(said) + (f"\n  licence of these weights: {self.licence}" if self.licence else "")


def _said(kind: str, names: Iterable[str]) -> str:
    names = tuple(names)
    return f"{len(names)} {kind} ({in_short(names)})" if names else ""
