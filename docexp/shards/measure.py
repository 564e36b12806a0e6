"""What the index does not know of pages and has to be read off them: their sizes and how many tokens they make."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docexp.shards.index import Index
from docexp.shards.read import ShardReader

WINDOW = 510
"""Tokens of a window of 512 beside its two special ones."""


@dataclass(frozen=True)
class Measured:
    """Pages of a split that were read: ``rows`` of them, evenly spaced, out of ``of``."""

    name: str
    of: int
    widths: NDArray[np.float64]
    """In page pixels, ``[rows]``; so are heights."""
    heights: NDArray[np.float64]
    tokens: NDArray[np.int64] | None
    """Tokens of each page without special ones; None where no tokenizer was named."""

    @property
    def rows(self) -> int:
        """Number of pages read."""
        return len(self.widths)

    @property
    def beyond_a_window(self) -> float:
        """The share of pages whose tokens fill more than one window of 512."""
        return float((self.tokens > WINDOW).mean()) if self.tokens is not None else 0.0


def measure(
    index: Index, pages: int, encode: Callable[[str], Sequence[int]] | None, progress: Callable[[int], None]
) -> Iterator[Measured]:
    """Reads at most ``pages`` pages of every split, without their images' pixels.

    Raises:
        DocexpError: a page cannot be read, or a word is no text for the tokenizer.
    """
    reader = ShardReader(index)
    for name, contents in index.splits.items():
        rows = np.unique(
            np.linspace(contents.rows.start, contents.rows.stop - 1, min(pages, contents.pages), dtype=int)
        )
        sizes, tokens = [], []
        for row in rows.tolist():
            page = reader.read(row)
            sizes.append((page.width, page.height))
            if encode:
                tokens.append(sum(len(encode(word)) for word in page.words if word.strip()))
            progress(1)
        widths, heights = np.array(sizes, float).T
        yield Measured(name, contents.pages, widths, heights, np.array(tokens, int) if encode else None)
