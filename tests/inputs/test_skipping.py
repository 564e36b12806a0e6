"""Pages that cannot be made into samples: fillers stand in, every rank keeps its slots, each page is counted once."""

import pytest

from docexp.errors import DocexpError
from docexp.inputs.sample import Sample
from docexp.inputs.skipping import make_step
from docexp.shards.order import slots


def making(broken: set[int]):
    def make(row: int) -> Sample:
        if row in broken:
            raise DocexpError(f"row {row} is broken")
        return Sample(str(row), [])

    return make


@pytest.mark.parametrize("broken", [set(), {0}, {4}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 6}])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_every_slot_is_filled_and_every_broken_page_counted_once(broken, ranks):
    rows = range(7)
    seen, skipped = [], []
    for share in slots(rows, ranks, 2, 8 // ranks // 2):
        made = make_step(share, rows, making(broken), lambda row: f"tar{row % 2}")
        assert [len(samples) for samples in made.micro_batches] == [len(part) for part in share]
        samples = [sample for samples in made.micro_batches for sample in samples]
        seen += [int(sample.key) for sample in samples if not sample.filler]
        assert not broken & {int(sample.key) for sample in samples}
        skipped += made.skipped
    assert sorted(seen) == sorted(set(rows) - broken)
    assert sorted(page.reason for page in skipped) == [f"row {row} is broken" for row in sorted(broken)]
    assert {page.shard for page in skipped} == {f"tar{row % 2}" for row in broken}


def test_a_step_without_one_good_page_is_refused():
    with pytest.raises(DocexpError, match="not one page of a whole training step can be read; the first: row 0"):
        make_step(slots(range(3), 1, 1, 4)[0], range(3), making({0, 1, 2}), str)
