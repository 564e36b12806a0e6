"""BEiT's blockwise masking against the authors' generator."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from docexp.errors import DocexpError
from docexp.objectives.masking import blockwise
from docexp.objectives.masking.blockwise import blockwise_mask

SETTINGS = {
    "beit_default_75_min16": (14, 14, 75, {}),
    "exact_40_percent_78_min16": (14, 14, 78, {}),
    "class_default_75_min4": (14, 14, 75, {"smallest": 4}),
    "max_block_30": (14, 14, 75, {"largest": 30}),
    "non_square_10x20_60": (10, 20, 60, {}),
}
ALL = pytest.mark.parametrize("name", SETTINGS)


class PythonDraws:
    """Python's ``random``, with which the authors draw, under the names of a NumPy generator."""

    def __init__(self, seed: int) -> None:
        self._python = random.Random(seed)

    def random(self) -> float:
        return self._python.random()

    def integers(self, low: int, high: int) -> int:
        return self._python.randint(low, high - 1)


def masks(rng, name: str, draws: int) -> np.ndarray:
    height, width, masked, options = SETTINGS[name]
    return np.stack([blockwise_mask(rng, height, width, masked, **options) for _ in range(draws)])


def authors(golden: Path, name: str) -> dict:
    return json.loads((golden / "masking" / "blockwise.json").read_text())[name]


def alike(ours: Counter, theirs: dict[str, int]) -> float:
    """Probability of two histograms at least this different by chance; rare values are pooled."""
    counts = {int(key): count for key, count in theirs.items()}
    table = np.array([[ours.get(key, 0), counts.get(key, 0)] for key in sorted(ours.keys() | counts.keys())])
    rare = table.sum(axis=1) < 10
    table = np.vstack([table[~rare], table[rare].sum(axis=0)])
    return float(stats.chi2_contingency(table[table.sum(axis=1) > 0]).pvalue)


@pytest.mark.golden
@ALL
def test_the_authors_draws_give_the_authors_masks(golden: Path, name: str) -> None:
    expected = np.load(golden / "masking" / "blockwise_20_masks.npz")[name]
    assert np.array_equal(masks(PythonDraws(111), name, 20), expected)


@pytest.mark.golden
@ALL
def test_counts_and_places_have_the_authors_statistics(golden: Path, name: str) -> None:
    theirs = authors(golden, name)
    draws = theirs["draws"]
    ours = masks(np.random.default_rng(1), name, draws)
    counts = ours.sum(axis=(1, 2))
    error = np.hypot(counts.std(), theirs["masked_count"]["std"]) / np.sqrt(draws)
    assert abs(counts.mean() - theirs["masked_count"]["mean"]) < 5 * error
    assert alike(Counter(counts.tolist()), theirs["masked_count_histogram"]) > 1e-4
    rates = np.array(theirs["masked_rate_per_cell"])
    error = np.sqrt((rates * (1 - rates) + ours.var(axis=0)) / draws)
    assert rates.shape == ours.shape[1:]
    assert (abs(ours.mean(axis=0) - rates) / error).max() < 5


@pytest.mark.golden
@ALL
def test_blocks_have_the_authors_statistics(golden: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, laid = authors(golden, name), []
    block = blockwise._block
    monkeypatch.setattr(blockwise, "_block", lambda *args: laid.append(block(*args)) or laid[-1])
    numbers, heights, widths = Counter(), Counter(), Counter()
    rng = np.random.default_rng(2)
    for _ in range(theirs["draws"]):
        laid.clear()
        masks(rng, name, 1)
        blocks = [block for block in laid if block is not None]
        numbers[len(blocks)] += 1
        down, across = blocks[0]
        heights[down.stop - down.start] += 1
        widths[across.stop - across.start] += 1
    assert alike(numbers, theirs["blocks_per_mask_histogram"]) > 1e-4
    assert alike(heights, theirs["first_block_height_histogram"]) > 1e-4
    assert alike(widths, theirs["first_block_width_histogram"]) > 1e-4


@settings(deadline=None)
@given(st.data(), st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**32))
def test_the_number_is_never_exceeded(data, height: int, width: int, seed: int) -> None:
    masked = data.draw(st.integers(1, height * width))
    largest = data.draw(st.none() | st.integers(1, masked))
    mask = blockwise_mask(np.random.default_rng(seed), height, width, masked, smallest=1, largest=largest)
    assert mask.shape == (height, width) and mask.dtype == bool
    assert mask.sum() <= masked


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 60), st.sampled_from([0.1, 0.3, 0.7, 0.8, 1.0]))
def test_a_grid_is_refused_exactly_where_no_block_fits_it(height: int, width: int, area: int, aspect: float) -> None:
    ratios = np.exp(np.linspace(np.log(aspect), -np.log(aspect), 20_001))
    tall, broad = np.round(np.sqrt(area * ratios)), np.round(np.sqrt(area / ratios))
    masked = min(area, height * width)
    if ((tall < height) & (broad < width)).any():
        blockwise_mask(np.random.default_rng(0), height, width, masked, smallest=area, aspect=aspect)
    elif masked == area:
        with pytest.raises(DocexpError, match="lower smallest"):
            blockwise_mask(np.random.default_rng(0), height, width, masked, smallest=area, aspect=aspect)


def test_nothing_to_mask_masks_nothing() -> None:
    assert not blockwise_mask(np.random.default_rng(0), 1, 1, 0).any()


@pytest.mark.parametrize(
    ("masked", "options", "says"),
    [
        (17, {}, "masked=17"),
        (-1, {}, "masked=-1"),
        (6, {"aspect": 0.0}, "aspect=0"),
        (6, {"aspect": 1.5}, "aspect=1.5"),
        (6, {"smallest": 0}, "smallest"),
        (6, {"largest": 0}, "largest"),
        (16, {"smallest": 16}, "no block of 16 patches fits a grid of 4 × 4"),
    ],
)
def test_what_cannot_be_masked_is_refused(masked: int, options: dict, says: str) -> None:
    with pytest.raises(DocexpError, match=says):
        blockwise_mask(np.random.default_rng(0), 4, 4, masked, **options)
