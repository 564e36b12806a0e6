"""The loader gives the same micro-batches whatever the number of workers, and goes on from any saved state."""

from pathlib import Path

import numpy as np
import pytest

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.dataset import EvaluationBatches, Padding, Placement, SampleMaker, TrainSteps
from docexp.inputs.encoder import PageEncoder
from docexp.inputs.loader import EvaluationLoader, TrainLoader
from docexp.inputs.sample import Window
from docexp.inputs.skipping import SKIPPED
from docexp.inputs.visit import RowDraw
from docexp.shards.index import Index, SetFacts
from docexp.shards.order import Order
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards
from docexp.tasks.task import Targets

PAGES, GLOBAL_BATCH, MAX_STEPS = 11, 4, 7


class ManyWindows(PageEncoder):
    """Page n becomes n % 3 + 1 windows of two tokens, whose ids tell page and window."""

    def encode(self, page: Page, part: Part | None = None) -> list[Window]:
        number = int(page.id)
        return [self._window(100 * number + part) for part in range(number % 3 + 1)]

    def _window(self, token: int) -> Window:
        row = np.array([token, token])
        boxes = np.zeros((2, 4), dtype=np.int64)
        return Window(row, boxes, boxes, np.array([0, -1]), row, np.array([True, False]))


class CountWords(Targets):
    def annotate(self, page: Page, windows: list[Window]) -> str:
        if page.words == ("bad",):
            raise DocexpError(f"page {page.id} is bad")
        for window in windows:
            window.targets["word"] = np.array([int(page.id), -100])
        return page.id


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("set")
    pages = [("train", Page(str(n), 10, 10, ("a",), [(0, 0, 5, 5)])) for n in range(PAGES)]
    pages.append(("test", Page("999", 10, 10, ("bad",), [(0, 0, 5, 5)])))
    return write_shards(iter(pages), folder / "x", SetFacts(name="x", licence="", command="x"), shard_bytes=9_000)


def maker(index: Index, windows: str = "all") -> SampleMaker:
    return SampleMaker(ShardReader(index), ManyWindows(), CountWords(), windows, 3, RowDraw((range(len(index)),)))


def training(index: Index, place: Placement, workers: int = 0, windows: str = "all") -> TrainLoader:
    rows = index.split("train+minival")
    order = Order(rows, index.shard_starts(rows), 3, GLOBAL_BATCH, block_shards=2)
    steps = TrainSteps(maker(index, windows), order, place, Padding(0, 2))
    return TrainLoader(steps, order, MAX_STEPS, place.micro_batches, workers)


def content(batch: Batch) -> tuple:
    return tuple(batch.keys), tuple(batch.filler), batch.input_ids[:, 0].tolist(), batch.step_counts, batch.micro_batch


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(workers: int, index: Index) -> None:
    place = Placement(0, 1, 2, 2)
    expected = [content(batch) for batch in training(index, place)]
    assert [content(batch) for batch in training(index, place, workers)] == expected
    assert len(expected) == len(training(index, place)) == MAX_STEPS * 2


def test_ranks_and_micro_batches_see_the_same_samples_in_each_step(index: Index) -> None:
    def steps(ranks: int, micro_batches: int) -> list[set[str]]:
        micro = GLOBAL_BATCH // ranks // micro_batches
        streams = [list(training(index, Placement(rank, ranks, micro, micro_batches))) for rank in range(ranks)]
        assert len({len(stream) for stream in streams}) == 1
        whole = []
        for step in range(MAX_STEPS):
            share = [b for stream in streams for b in stream[step * micro_batches : (step + 1) * micro_batches]]
            keys = [key for b in share for key, filler in zip(b.keys, b.filler, strict=True) if not filler]
            assert len(keys) == len(set(keys))
            whole.append(set(keys))
            total = sum(stream[step * micro_batches].step_counts["word"] for stream in streams)
            # every window of every sample that is no filler has one target
            assert total == sum(int(key) % 3 + 1 for key in keys)
        return whole

    assert steps(1, 1) == steps(2, 1) == steps(2, 2) == steps(1, 4)
    epoch = set.union(*steps(1, 1)[:3])
    assert epoch == {str(n) for n in range(PAGES)}


@pytest.mark.parametrize("workers", [0, 2])
def test_goes_on_from_a_state_saved_after_any_step(workers: int, index: Index) -> None:
    place = Placement(0, 1, 2, 2)
    expected = [content(batch) for batch in training(index, place)]
    for stop in range(2, len(expected), 2):
        loader, seen = training(index, place, workers), []
        for batch in loader:
            seen.append(content(batch))
            if len(seen) == stop:
                break
        again = training(index, place, workers)
        again.load_state_dict(loader.state_dict())
        assert seen + [content(batch) for batch in again] == expected


def test_one_window_of_a_long_page_is_drawn_per_visit_by_the_samples_own_generator(index: Index) -> None:
    place = Placement(0, 1, 4)
    rows = [content(batch) for batch in training(index, place, windows="one")]
    assert rows == [content(batch) for batch in training(index, place, workers=2, windows="one")]
    drawn = {}
    for _, _, tokens, _, _ in rows:
        for token in tokens:
            drawn.setdefault(token // 100, set()).add(token % 100)
    assert any(len(parts) > 1 for parts in drawn.values())  # another window in another epoch


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fault_in_a_worker_reaches_the_user_as_it_was_worded(workers: int, index: Index) -> None:
    batches = EvaluationBatches(maker(index), index.split("test"), Placement(0, 1, 2), Padding(0, 2))
    with pytest.raises(DocexpError, match=r"^page 999 is bad$"):
        list(EvaluationLoader(batches, workers))


def test_evaluation_gives_every_sample_once_over_the_ranks(index: Index) -> None:
    rows = index.split("train+minival")
    seen, sizes = [], set()
    for rank in range(3):
        batches = EvaluationBatches(maker(index), rows, Placement(rank, 3, 2), Padding(0, 2))
        loaded = list(EvaluationLoader(batches, 0))
        sizes.add(len(loaded))
        seen += [key for b in loaded for key, filler in zip(b.keys, b.filler, strict=True) if not filler]
        assert all(len(b.input_ids) == sum(int(key) % 3 + 1 for key in b.keys) for b in loaded)
    assert sorted(map(int, seen)) == list(range(PAGES))
    assert len(sizes) == 1


def test_state_is_two_counters(index: Index, tmp_path: Path) -> None:
    loader = training(index, Placement(0, 1, 2, 2))
    stream = iter(loader)
    next(stream)
    assert loader.state_dict() == {"epoch": 0, "batch": 0}
    next(stream)
    assert loader.state_dict() == {"epoch": 0, "batch": 1}


class Torn(ShardReader):
    """One page in eleven does not read."""

    def read(self, row: int):
        page = super().read(row)
        if page.id == "7":
            raise DocexpError("page 7 is torn")
        return page


@pytest.mark.parametrize(("ranks", "workers"), [(1, 0), (1, 2), (2, 0)])
def test_a_torn_page_is_the_same_gap_for_any_ranks_and_workers(index, ranks: int, workers: int, tmp_path: Path) -> None:
    rows = index.split("train+minival")
    order = Order(rows, index.shard_starts(rows), 3, GLOBAL_BATCH, block_shards=2)
    maker = SampleMaker(Torn(index), ManyWindows(), CountWords(), "all", 3, RowDraw((range(len(index)),)))
    keys, skipped, lengths = [], 0, set()
    for rank in range(ranks):
        place = Placement(rank, ranks, GLOBAL_BATCH // ranks // 2, 2)
        steps = TrainSteps(maker, order, place, Padding(0, 2), skip=True)
        batches = list(TrainLoader(steps, order, MAX_STEPS, place.micro_batches, workers))
        lengths.add(len(batches))
        for batch in batches:
            keys += [key for key, filler in zip(batch.keys, batch.filler, strict=True) if not filler]
            assert batch.step_counts[SKIPPED] == len(batch.skipped) or batch.micro_batch
            skipped += len(batch.skipped)
    assert lengths == {MAX_STEPS * 2}
    assert "7" not in keys and set(keys) == {str(n) for n in range(PAGES)} - {"7"}
    assert skipped == sum(
        7 in {int(ShardReader(index).key(int(row))) for row in order.batch(*order.position(s))}
        for s in range(MAX_STEPS)
    )
