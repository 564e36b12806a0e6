"""Pages that come twice though not byte for byte: images that look alike, texts of the same words."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docexp.shards.table import hash64

SIDE = 16
"""A difference hash of ``SIDE × SIDE`` bits: 32 bytes for each page."""

STEP = 2
"""Grey levels between neighbouring cells that make a bit; less is noise on even paper."""

TELLING_BITS = 12
"""A page with fewer bits is blank or nearly so, and like many others."""

DISTANCE = 12
"""Bits of 256 in which images that look alike may differ: stored in another quality, or somewhat smaller."""

THUMB, SAME = 96, 0.96
"""Pages that look alike are compared once more at ``THUMB × THUMB`` cells; a correlation of ``SAME`` tells copies from
pages that only share their layout."""

NEIGHBOURS = 4
"""How many that follow in a sorted order are compared."""

TELLING_WORDS = 10
"""Pages with fewer words may well have the same."""


def look(image: Image.Image) -> NDArray[np.uint64] | None:
    """The image's difference hash ``[4]``: whether a cell is lighter than the one to its right; None for blank pages.

    Source: the "dHash" of N. Krawetz, "Kind of Like That" (hackerfactor.com, 2013), here with 256 bits instead of 64,
    for at 8 × 8 cells most text pages are alike.
    """
    cells = np.asarray(image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    bits = cells[:, :-1] - cells[:, 1:] > STEP
    return np.packbits(bits).view(np.uint64) if bits.sum() >= TELLING_BITS else None


def wording(words: Sequence[str]) -> int | None:
    """A hash of the words in their order, without regard to case and spaces; None where there are too few."""
    told = " ".join(words).casefold().split()
    return hash64(" ".join(told)) if len(told) >= TELLING_WORDS else None


def equal_groups(hashes: NDArray[np.uint64], chosen: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Groups of at least two chosen rows with one hash, each ascending."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(hashes[rows], kind="stable")]
    cuts = np.flatnonzero(np.diff(hashes[rows])) + 1
    return (group.tolist() for group in np.split(rows, cuts) if len(group) > 1)


def close_pairs(looks: NDArray[np.uint64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs ``[M, 2]`` of chosen rows whose looks ``[N, 4]`` differ in at most ``DISTANCE`` bits.

    Rows are sorted by their bits 16 times, each time beginning with other bits, and compared with those that follow:
    time and memory grow with N, not with its square. Two that differ are missed where no beginning brings them
    together: the more alike, the rarer.
    """
    rows = np.flatnonzero(chosen)
    pieces = looks[rows].view(">u2")
    pairs = [np.empty((0, 2), np.int64)]
    for turn in range(pieces.shape[1]):
        turned = np.ascontiguousarray(np.roll(pieces, -turn, axis=1)).view(">u8")
        order = rows[np.lexsort(turned.T[::-1])]
        for gap in range(1, min(NEIGHBOURS, len(rows) - 1) + 1):
            left, right = order[:-gap], order[gap:]
            close = np.bitwise_count(looks[left] ^ looks[right]).sum(axis=1) <= DISTANCE
            pairs.append(np.sort(np.stack([left[close], right[close]], axis=1), axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def thumbnail(image: Image.Image) -> NDArray[np.float32]:
    """What two images of one page share and two pages do not: ink at ``THUMB × THUMB`` cells, of length 1, flat.

    Each block of 6 × 6 cells counts from its own mean, so that neither margins nor shadows make pages alike. Their
    product is the correlation. On the built-in forms and receipts and on FUNSD copies in JPEG quality 30 reach
    0.998, copies of half the size 0.97, different pages of one printed form at most 0.955.
    """
    cells = np.asarray(image.convert("L").resize((THUMB, THUMB), Image.Resampling.BOX), np.float32)
    blocks = cells.reshape(SIDE, THUMB // SIDE, SIDE, THUMB // SIDE)
    ink = (blocks - blocks.mean(axis=(1, 3), keepdims=True)).ravel()
    return ink / max(float(np.linalg.norm(ink)), 1e-6)


def linked(pairs: NDArray[np.int64]) -> list[list[int]]:
    """Groups of rows that pairs ``[M, 2]`` connect, each ascending."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, ends = np.unique(pairs, return_inverse=True)
    ends = ends.reshape(-1, 2)
    links = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(len(rows), len(rows)))
    _, component = connected_components(links, directed=False)
    order = np.argsort(component, kind="stable")
    cuts = np.flatnonzero(np.diff(component[order])) + 1
    return [group.tolist() for group in np.split(rows[order], cuts) if len(group)]
