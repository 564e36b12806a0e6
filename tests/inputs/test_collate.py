"""Samples to batches."""

import numpy as np
import pytest
import torch

from docexp.inputs.collate import collate, target_counts
from docexp.inputs.sample import IGNORED, Sample, Window

torch.set_num_threads(1)


def window_of(length: int, seed: int = 0, size: int | None = 4, **targets: np.ndarray) -> Window:
    rng = np.random.default_rng(seed)
    word = np.pad(np.arange(length - 2), 1, constant_values=-1)
    return Window(
        input_ids=rng.integers(5, 99, length),
        bbox=rng.integers(1, 1001, (length, 4)),
        word_bbox=rng.integers(1, 1001, (length, 4)),
        word_index=word,
        line_index=word // 2,
        starts_word=word >= 0,
        pixels=None if size is None else rng.integers(0, 256, (3, size, size)).astype(np.uint8),
        targets=targets or {"tags": np.where(word >= 0, word % 3, IGNORED)},
    )


def samples() -> list[Sample]:
    return [
        Sample("a", [window_of(9, 1), window_of(5, 2)], reference={"tags": ["O"]}),
        Sample("b", [window_of(13, 3)]),
        Sample("a", [window_of(9, 1)], filler=True),
    ]


def test_rows_are_windows_in_order_and_hold_what_they_held():
    batch = collate(samples(), pad_token_id=1)
    windows = [window for sample in samples() for window in sample.windows]
    assert batch.rows == 4 and batch.input_ids.shape == (4, 16)
    assert (batch.keys, batch.filler) == (["a", "b", "a"], [False, False, True])
    assert batch.references == [{"tags": ["O"]}, None, None]
    fills = {"input_ids": 1, "bbox": 0, "word_bbox": 0, "word_index": -1, "line_index": -1, "starts_word": False}
    for row, window in enumerate(windows):
        length = len(window.input_ids)
        assert batch.mask[row].tolist() == [True] * length + [False] * (16 - length)
        assert batch.owner[row, 0] == [0, 0, 1, 2][row] and (batch.owner[row, length:] == -1).all()
        for name, fill in fills.items():
            tensor = getattr(batch, name)[row]
            assert np.array_equal(tensor[:length].numpy(), getattr(window, name)), name
            assert (tensor[length:] == fill).all(), name
        assert batch.pixels is not None and np.array_equal(batch.pixels[row].numpy(), window.pixels)
    assert batch.input_ids.dtype == batch.bbox.dtype == torch.int64
    assert batch.starts_word.dtype == torch.bool and batch.pixels.dtype == torch.uint8


def test_targets_are_ignored_at_padding_and_in_fillers():
    tags = collate(samples(), pad_token_id=1).targets["tags"]
    assert tags[0].tolist() == [IGNORED, 0, 1, 2, 0, 1, 2, 0, *[IGNORED] * 8]
    assert (tags[3] == IGNORED).all()
    vectors = window_of(4, offsets=np.ones((4, 2), dtype=np.float32))
    offsets = collate([Sample("v", [vectors])], 1).targets["offsets"]
    assert offsets.shape == (1, 8, 2) and (offsets[0, 4:] == IGNORED).all() and offsets.dtype == torch.float32


def test_counts_are_those_of_the_batches_together():
    made = samples()
    counts = target_counts(made)
    assert counts == {"tags": 7 + 3 + 11}
    parts = [collate(made[:1], 1), collate(made[1:], 1)]
    assert counts["tags"] == sum(int((part.targets["tags"] != IGNORED).sum()) for part in parts)
    assert target_counts(made[2:]) == {"tags": 0.0} and target_counts([]) == {}


@pytest.mark.parametrize(
    ("longest", "multiple", "width"), [(9, 8, 16), (16, 8, 16), (9, 16, 16), (17, 16, 32), (9, 1, 9)]
)
def test_the_width_is_the_longest_rounded_up(longest: int, multiple: int, width: int):
    batch = collate([Sample("a", [window_of(3)]), Sample("b", [window_of(longest)])], 1, multiple)
    assert batch.input_ids.shape == (2, width)


def test_a_batch_shares_no_memory_with_its_samples():
    window = window_of(8)
    batch = collate([Sample("a", [window])], 1)
    batch.input_ids.zero_()
    assert batch.pixels is not None
    batch.pixels.zero_()
    assert window.input_ids.all() and window.pixels is not None and window.pixels.any()


def test_windows_that_do_not_belong_together_are_refused():
    plain = Sample("a", [window_of(5)])
    with pytest.raises(ValueError, match="1 of 2 windows have pixels"):
        collate([plain, Sample("b", [window_of(5, size=None)])], 1)
    with pytest.raises(ValueError, match=r"targets \['tags'\] and \['labels'\]"):
        collate([plain, Sample("b", [window_of(5, labels=np.zeros(5))])], 1)
    with pytest.raises(ValueError, match="target codes: 196 values for 5 tokens"):
        collate([Sample("b", [window_of(5, codes=np.zeros(196))])], 1)
    assert collate([Sample("a", [window_of(5, size=None)])], 1).pixels is None
