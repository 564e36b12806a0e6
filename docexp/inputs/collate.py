"""Samples to a batch: rows of unequal length become tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from docexp.inputs.batch import Batch
from docexp.inputs.sample import IGNORED, Sample, Window


def collate(samples: Sequence[Sample], pad_token_id: int, pad_to_multiple: int = 8) -> Batch:
    """All windows of all samples as rows, padded to the longest, rounded up to ``pad_to_multiple`` tokens.

    A filler's targets are all ``IGNORED``. Every window has the same targets: ``targets`` per token, ``[T]`` or
    ``[T, …]``, which are padded, and ``window_targets``, which have one shape.

    Raises:
        ValueError: windows that differ in their targets or in having images, or a target that is not per token.
    """
    windows = [window for sample in samples for window in sample.windows]
    owners = [number for number, sample in enumerate(samples) for _ in sample.windows]
    lengths = [len(window.input_ids) for window in windows]
    width = -(-max(lengths) // pad_to_multiple) * pad_to_multiple
    owner = np.full((len(windows), width), -1, dtype=np.int64)
    for row, length in enumerate(lengths):
        owner[row, :length] = owners[row]

    def padded(name: str, fill: int) -> torch.Tensor:
        return _padded([getattr(window, name) for window in windows], width, fill)

    return Batch(
        input_ids=padded("input_ids", pad_token_id),
        bbox=padded("bbox", 0),
        word_bbox=padded("word_bbox", 0),
        word_index=padded("word_index", -1),
        line_index=padded("line_index", -1),
        starts_word=padded("starts_word", 0),
        owner=torch.from_numpy(owner),
        pixels=_stacked(windows, "pixels"),
        patch_mask=_stacked(windows, "patch_mask"),
        code_pixels=_stacked(windows, "code_pixels"),
        targets=_targets(samples, windows, width),
        keys=[sample.key for sample in samples],
        filler=[sample.filler for sample in samples],
        references=[sample.reference for sample in samples],
    )


def target_counts(samples: Sequence[Sample]) -> dict[str, float]:
    """For each name of a target, how many are not ``IGNORED``, fillers left out; a name without any counts 0."""
    counts: dict[str, float] = {}
    for sample in samples:
        for window in sample.windows:
            for name, target in {**window.targets, **window.window_targets}.items():
                found = 0 if sample.filler else int(np.count_nonzero(target != IGNORED))
                counts[name] = counts.get(name, 0.0) + found
    return counts


def _padded(arrays: Sequence[NDArray[Any]], width: int, fill: int) -> torch.Tensor:
    joined = np.full((len(arrays), width, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in enumerate(arrays):
        joined[row, : len(array)] = array
    return torch.from_numpy(joined)


def _stacked(windows: Sequence[Window], name: str) -> torch.Tensor | None:
    """One array of every window as a tensor; None where none of them has it."""
    arrays = [array for window in windows if (array := getattr(window, name)) is not None]
    if arrays and len(arrays) < len(windows):
        raise ValueError(f"{len(arrays)} of {len(windows)} windows have {name}; a batch takes all or none")
    if not arrays:
        return None
    joined = np.empty((len(arrays), *arrays[0].shape), dtype=arrays[0].dtype)
    for row, array in enumerate(arrays):  # np.stack is five times slower on grey images, one channel seen as three
        joined[row] = array
    return torch.from_numpy(joined)


def _targets(samples: Sequence[Sample], windows: Sequence[Window], width: int) -> dict[str, torch.Tensor]:
    names, whole = windows[0].targets.keys(), windows[0].window_targets.keys()
    for window in windows:
        if window.targets.keys() != names or window.window_targets.keys() != whole:
            found = sorted(window.targets) + sorted(window.window_targets)
            raise ValueError(f"windows with the targets {sorted(names) + sorted(whole)} and {found} in one batch")
        for name, target in window.targets.items():
            if len(target) != len(window.input_ids):
                raise ValueError(f"target {name}: {len(target)} values for {len(window.input_ids)} tokens")
    targets = {name: _padded([window.targets[name] for window in windows], width, IGNORED) for name in names}
    for name in whole:
        targets[name] = torch.from_numpy(np.stack([window.window_targets[name] for window in windows]))
    idle = torch.tensor([sample.filler for sample in samples for _ in sample.windows])
    for target in targets.values():
        target[idle] = IGNORED
    return targets
