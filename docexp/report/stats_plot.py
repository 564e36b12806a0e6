"""What a set holds, as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docexp.shards.index import Index
from docexp.shards.measure import WINDOW, Measured

LABELS = 20
"""Of many labels, the most frequent are drawn."""


def plot(index: Index, measured: Sequence[Measured], file: Path) -> None:
    """Words and, where counted, tokens on a page; page sizes; how often each label comes. Written to ``file``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kinds = [kind for kind in ("entities", "regions", "document_classes", "document_tags") if index.names(kind)]
    panels = [_words, *([_tokens] if any(part.tokens is not None for part in measured) else []), _sizes]
    count = len(panels) + len(kinds)
    columns = 2 if count > 1 else 1
    rows = -(-count // columns)
    figure = Figure(figsize=(5.2 * columns, 3.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{index.name}: {len(index):,} pages", fontsize=11)
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel().tolist()
    for panel, axis in zip(panels, axes, strict=False):
        panel(axis, index, measured)
    for kind, axis in zip(kinds, axes[len(panels) :], strict=False):
        _labels(axis, index, kind)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[count:]:
        axis.remove()
    figure.savefig(file, dpi=130)


def _words(axis: Any, index: Index, measured: Sequence[Measured]) -> None:
    del measured
    parts = {name: index.table["words"][part.rows.start : part.rows.stop] for name, part in index.splits.items()}
    _histogram(axis, parts)
    axis.set(xlabel="words on a page", ylabel="share of pages")


def _tokens(axis: Any, index: Index, measured: Sequence[Measured]) -> None:
    del index
    _histogram(axis, {part.name: part.tokens for part in measured if part.tokens is not None})
    axis.axvline(WINDOW, color="0.5", linewidth=0.9, linestyle=":")
    axis.text(WINDOW, 0.97, " one window", fontsize=8, color="0.4", va="top", transform=axis.get_xaxis_transform())
    axis.set(xlabel="tokens on a page", ylabel="share of pages")


def _sizes(axis: Any, index: Index, measured: Sequence[Measured]) -> None:
    del index
    for part in measured:
        axis.scatter(part.widths, part.heights, s=9, alpha=0.5, linewidths=0, label=part.name)
    axis.set(xlabel="width, pixels", ylabel="height, pixels")
    axis.legend(fontsize=8, frameon=False)


def _labels(axis: Any, index: Index, kind: str) -> None:
    whole = {
        name: sum(getattr(part, kind).get(name, 0) for part in index.splits.values()) for name in index.names(kind)
    }
    ordered = sorted(whole, key=lambda name: -whole[name])
    shown = ordered[:LABELS][::-1]
    axis.barh(range(len(shown)), [whole[name] for name in shown], color="#4c78a8")
    axis.set_yticks(range(len(shown)), shown, fontsize=8)
    more = f" (the {LABELS} most frequent of {len(ordered):,})" if len(ordered) > LABELS else ""
    axis.set_xlabel(f"{kind.replace('_', ' ')}{more}")


def _histogram(axis: Any, parts: dict[str, Any]) -> None:
    """Shares of each split's own pages, so that splits of unequal size can be compared."""
    most = max(int(values.max()) for values in parts.values())
    edges = np.linspace(0, most + 1, min(41, most + 2))
    for name, values in parts.items():
        axis.hist(values, edges, weights=np.full(len(values), 1 / len(values)), histtype="step", label=name)
    axis.set_xlim(0, None)
    axis.legend(fontsize=8, frameon=False)
