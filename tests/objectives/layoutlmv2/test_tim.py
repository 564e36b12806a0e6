"""Which image is shown, and that its target says so."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.dataset import Padding, Placement, SampleMaker, TrainSteps
from docexp.inputs.loader import TrainLoader
from docexp.objectives.tim import TIMSettings
from docexp.shards.order import Order

EPOCHS, ROWS = 200, 20
WHITE = 255

Make = Callable[..., SampleMaker]


@pytest.fixture(scope="module")
def shown(make: Make) -> list[tuple[int, int, int]]:
    """Of 4,000 windows the page, the one value of its pixels, and the target."""
    maker, found = make(tim=TIMSettings()), []
    for epoch in range(EPOCHS):
        for row in range(ROWS):
            (window,) = maker.training(row, epoch).windows
            assert window.pixels.shape == (3, 64, 64) and window.pixels.dtype == np.uint8
            (value,) = np.unique(window.pixels).tolist()
            target = window.window_targets["tim"]
            assert target.shape == () and target.dtype == np.int64
            found.append((row, value, int(target)))
    return found


def test_15_of_100_are_another_documents_page_5_are_white_and_the_rest_are_kept(shown) -> None:
    fates = Counter("own" if v == 20 + 10 * row else "none" if v == WHITE else "other" for row, v, _ in shown)
    for fate, share in {"other": 0.15, "none": 0.05, "own": 0.8}.items():
        assert abs(fates[fate] - share * len(shown)) < 4 * np.sqrt(len(shown) * share * (1 - share)), fates
    assert all(target == (value == 20 + 10 * row) for row, value, target in shown)


def test_every_page_of_every_other_document_is_as_likely(shown) -> None:
    pairs = [(row, (value - 20) // 10) for row, value, target in shown if not target and value != WHITE]
    assert all(row // 2 != other // 2 for row, other in pairs)
    for side in (0, 1):  # which pages get another image, and whose
        counts = Counter(pair[side] for pair in pairs)
        assert len(counts) == ROWS
        assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_each_window_of_a_long_page_draws_for_itself(make: Make) -> None:
    maker = make(changes={"max_tokens": 20}, tim=TIMSettings(replaced=0.5, dropped=0))
    drawn = {tuple(int(w.window_targets["tim"]) for w in maker.training(0, epoch).windows) for epoch in range(60)}
    assert {len(targets) for targets in drawn} == {2} and len(drawn) == 4


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_images_in_any_worker_and_others_in_another_epoch(make: Make, workers: int) -> None:
    maker, order = make(tim=TIMSettings(replaced=0.6)), Order(range(ROWS), np.array([0]), 3, 5, block_shards=1)

    def stream(workers: int) -> list[tuple]:
        steps = TrainSteps(maker, order, Placement(0, 1, 5), Padding(1, 8))
        batches = TrainLoader(steps, order, 8, 1, workers)
        return [
            (b.keys, b.pixels[:, 0, 0, 0].tolist(), b.targets["tim"].tolist(), dict(b.step_counts)) for b in batches
        ]

    expected = stream(0)
    assert stream(workers) == expected
    first, second = (
        {k: v for keys, values, *_ in part for k, v in zip(keys, values, strict=True)}
        for part in (expected[:4], expected[4:])
    )
    assert first.keys() == second.keys() and first != second


def test_a_corpus_of_one_document_is_refused(make: Make, make_page: Callable[..., Page]) -> None:
    maker = make([make_page(row, document="the only one") for row in range(3)], tim=TIMSettings(replaced=0.9))
    with pytest.raises(
        DocexpError, match=r"^page 0: no other document was found .*TIM.* needs training data of several"
    ):
        for epoch in range(9):
            maker.training(0, epoch)


def test_a_model_that_sees_no_image_is_refused(make: Make) -> None:
    assert TIMSettings().needs == {"pooled", "patches"}
    with pytest.raises(DocexpError, match="page 4: TIM changes the image, but the model sees none"):
        make(changes={"image": "none"}, tim=TIMSettings()).training(4, 0)


@pytest.mark.parametrize("shares", [(0, 0), (0.6, 0.5), (0.5, 0.5)])
def test_shares_that_leave_one_class_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(DocexpError, match="must come to more than 0 and less than 1"):
        TIMSettings(replaced=shares[0], dropped=shares[1])
