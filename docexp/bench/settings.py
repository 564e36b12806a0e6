"""What ``docexp bench step`` is asked for. Imports no torch."""

from dataclasses import dataclass, field

from docexp.errors import DocexpError, choice

VARIANTS = {
    "frozen": ["model.train_rel_pos=false", "model.dropout=0", "model.attention_dropout=0"],
    "trained": ["model.train_rel_pos=true", "model.dropout=0", "model.attention_dropout=0"],
    "frozen+dropout": ["model.train_rel_pos=false", "model.dropout=0.1", "model.attention_dropout=0.1"],
    "trained+dropout": ["model.train_rel_pos=true", "model.dropout=0.1", "model.attention_dropout=0.1"],
}
"""Relative-position biases frozen (as transformers has them, in effect) or trained, without dropout or with 0.1."""

PRECISIONS = ("fp32", "bf16-mixed")


@dataclass(kw_only=True)
class StepSettings:
    """One table of training steps: every precision with every variant."""

    batch: int = 2
    """Rows of a batch."""
    tokens: int = 512
    """Text tokens of the longest row."""
    shortest: int | None = None
    """Text tokens of the shortest row; those between are evenly spaced, and padded. Unset: all rows are full."""
    precision: list[str] = field(default_factory=lambda: list(PRECISIONS))
    """``fp32``, ``bf16-mixed``."""
    variants: list[str] = field(default_factory=lambda: list(VARIANTS))
    """Of ``VARIANTS``."""
    threads: list[int] = field(default_factory=lambda: [1, 2])
    """CPU threads: with one, the process's CPU time counts, with more, the time that passes."""
    repeats: int = 3
    """How often each is measured; the median counts."""
    device: str = "cpu"
    """``cpu`` or ``gpu``; on a GPU the time that passes counts."""
    vocabulary: int = 50265
    """Tokens of the vocabulary: RoBERTa's."""
    out: str | None = None
    """Where the results go: ``<out>.json`` and ``<out>.md``."""

    def __post_init__(self) -> None:
        for name, values, known in (("precision", self.precision, PRECISIONS), ("variants", self.variants, VARIANTS)):
            for value in values:
                choice(name, value, tuple(known))
        choice("device", self.device, ("cpu", "gpu"))
        for name in ("batch", "tokens", "repeats"):
            if getattr(self, name) < 1:
                raise DocexpError(f"{name}={getattr(self, name)} must be at least 1")
        if not self.threads or min(self.threads) < 1:
            raise DocexpError(f"threads={self.threads} must be numbers of at least 1")
        if not 1 <= (self.shortest or 1) <= self.tokens:
            raise DocexpError(f"shortest={self.shortest} must be at least 1 and at most tokens={self.tokens}")

    @property
    def lengths(self) -> list[int]:
        """Tokens of every row."""
        span = self.tokens - (self.shortest or self.tokens)
        return [self.tokens - span * row // max(self.batch - 1, 1) for row in range(self.batch)]
