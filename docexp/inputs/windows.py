"""Long pages as overlapping windows, and which window answers for a word."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Row = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""``word_index [T]`` and ``starts_word [T]`` of a window; -1 at special tokens and at padding, if any."""


def window_spans(starts_word: NDArray[np.bool_], capacity: int, stride: int) -> list[tuple[int, int]]:
    """The stretches ``(start, stop)`` of a page's tokens that become its windows, in order; together they hold all.

    A window takes as many whole words as fit. The next one begins with the whole words that lie within the last
    ``stride`` tokens of this one, as far as they leave room for the word that comes next. A word longer than
    ``capacity`` is the only one that is cut; deep inside it neighbours share exactly ``stride`` tokens. (transformers'
    overflowing tokens always share exactly ``stride`` and cut any word; the published scripts use stride 0.)

    Args:
        starts_word: ``[N]``, True at the first sub-word of each word, so True at 0.
        capacity: tokens that a window holds beside its special tokens.
        stride: 0 or more, below ``capacity``.
    """
    if not 0 <= stride < capacity:
        raise ValueError(f"stride {stride} must be 0 or more and below the {capacity} tokens that a window holds")
    count = len(starts_word)
    if count <= capacity:
        return [(0, count)]
    borders = np.append(np.flatnonzero(starts_word), count)
    spans, start = [], 0
    while True:
        stop = _stop(borders, start + capacity, capacity)
        spans.append((start, stop))
        if stop == count:
            return spans
        start = _next_start(borders, stop, capacity, stride)


def _stop(borders: NDArray[np.int64], limit: int, capacity: int) -> int:
    last = int(np.searchsorted(borders, limit, side="right")) - 1
    cut = last + 1 < len(borders) and borders[last + 1] - borders[last] > capacity
    return limit if cut else int(borders[last])


def _next_start(borders: NDArray[np.int64], stop: int, capacity: int, stride: int) -> int:
    shared = int(borders[np.searchsorted(borders, stop - stride)])
    after = int(np.searchsorted(borders, stop))
    if borders[after] != stop:  # stop is inside a word that had to be cut
        return shared if shared < stop else stop - stride
    room = int(borders[after + 1]) - capacity
    if room <= shared or room > stop:  # the next word fits behind what is shared, or will be cut anyway
        return shared
    return int(borders[np.searchsorted(borders, room)])


def owner_positions(rows: Sequence[Row]) -> dict[int, tuple[int, int]]:
    """For each word that has tokens: the row and the position of the first sub-word that answers for it.

    Where windows overlap, that is the window in which the sub-word lies farthest from the window's nearer end, the
    earliest on a tie (BERT's "maximum context"; google-research/bert, run_squad.py, ``_check_is_max_context``).
    """
    words, places, distances = [], [], []
    for row, (word_index, starts_word) in enumerate(rows):
        inside = np.flatnonzero(word_index >= 0)
        position = np.flatnonzero(starts_word)
        if len(position):
            words.append(word_index[position])
            places.append(np.stack([np.full_like(position, row), position], axis=1))
            distances.append(np.minimum(position - inside[0], inside[-1] - position))
    if not words:
        return {}
    word, place = np.concatenate(words), np.concatenate(places)
    order = np.lexsort((place[:, 0], -np.concatenate(distances), word))
    unique, first = np.unique(word[order], return_index=True)
    best = place[order][first]
    return {int(w): (int(row), int(position)) for w, (row, position) in zip(unique, best, strict=True)}
