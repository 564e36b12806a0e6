"""What ``docexp bench step`` is asked for. Imports no torch."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Settings

VARIANTS = {
    "frozen": ["model.train_rel_pos=false", "model.dropout=0", "model.attention_dropout=0"],
    "trained": ["model.train_rel_pos=true", "model.dropout=0", "model.attention_dropout=0"],
    "frozen+dropout": ["model.train_rel_pos=false", "model.dropout=0.1", "model.attention_dropout=0.1"],
    "trained+dropout": ["model.train_rel_pos=true", "model.dropout=0.1", "model.attention_dropout=0.1"],
}
"""Relative-position biases frozen (as transformers has them, in effect) or trained, without dropout or with 0.1."""

Precision = Literal["fp32", "bf16-mixed"]
Variant = Literal["frozen", "trained", "frozen+dropout", "trained+dropout"]
"""The names of ``VARIANTS``."""


@dataclass(kw_only=True)
class StepSettings(Settings):
    """One table of training steps: every precision with every variant."""

    batch: AtLeast1 = 2
    """Rows of a batch."""
    tokens: AtLeast1 = 512
    """Text tokens of the longest row."""
    shortest: AtLeast1 | None = None
    """Text tokens of the shortest row; those between are evenly spaced, and padded. Unset: all rows are full."""
    precision: list[Precision] = field(default_factory=lambda: ["fp32", "bf16-mixed"])
    """``fp32``, ``bf16-mixed``."""
    variants: list[Variant] = field(default_factory=lambda: list(get_args(Variant)))
    """Of ``VARIANTS``; of those that differ in biases alone, one for a model that has none."""
    threads: list[AtLeast1] = field(default_factory=lambda: [1, 2])
    """CPU threads: with one, the process's CPU time counts, with more, the time that passes."""
    repeats: AtLeast1 = 3
    """How often each is measured; the median counts."""
    device: Literal["cpu", "gpu"] = "cpu"
    """``cpu`` or ``gpu``; on a GPU the time that passes counts."""
    vocabulary: AtLeast1 = 50265
    """Tokens of the vocabulary: RoBERTa's."""
    out: str | None = None
    """Where the results go: ``<out>.json`` and ``<out>.md``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.shortest or 1) > self.tokens:
            raise DocexpError(f"shortest={self.shortest} must be at most tokens={self.tokens}")

    @property
    def lengths(self) -> list[int]:
        """Tokens of every row."""
        span = self.tokens - (self.shortest or self.tokens)
        return [self.tokens - span * row // max(self.batch - 1, 1) for row in range(self.batch)]
