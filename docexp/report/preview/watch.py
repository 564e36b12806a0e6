"""What training makes of a page, watched: a sample made as training makes it, with what was done to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from docexp.documents.images import Part
from docexp.documents.page import Page
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import Window
from docexp.inputs.visit import Visit
from docexp.objectives.objective import Record
from docexp.objectives.pretraining import Corruption
from docexp.tasks.task import Targets


@dataclass(frozen=True)
class Seen:
    """The first of the windows that training takes of a page, before and after its corruption.

    Args:
        visit: the page, as the corruption saw it.
        before: the window as encoded, without targets.
        window: the window as it goes into a batch.
        record: what the objectives did.
        number: which of the page's windows it is, from 0.
        windows: how many the page has.
    """

    visit: Visit
    before: Window
    window: Window
    record: Record
    number: int
    windows: int

    @property
    def part(self) -> Part | None:
        """Of the page, the part that its image shows; None: all, or it is not this page's image."""
        return self.visit.part if self.record.image is self.visit else None


class _Watched(Targets):
    """A corruption that keeps what it did to the first window it was given last."""

    def __init__(self, corruption: Corruption) -> None:
        self._corruption = corruption
        self._windows: list[Window] = []
        self.seen: Seen | None = None

    def annotate(self, page: Page, windows: Sequence[Window]) -> Any:
        """As the corruption does; keeps all windows of the page."""
        self._windows = list(windows)
        return self._corruption.annotate(page, windows)

    def corrupt(self, windows: Sequence[Window], visit: Visit) -> None:
        """As the corruption does, on all windows: one generator serves them in turn."""
        first = windows[0]
        before = replace(first, targets={}, window_targets={})  # arrays are replaced, never written into
        record = self._corruption.corrupted(windows, visit)[0]
        number = next(number for number, window in enumerate(self._windows) if window is first)
        self.seen = Seen(visit, before, first, record, number, len(self._windows))


def seen(maker: SampleMaker, row: int, epoch: int) -> Seen:
    """What training takes of a row in an epoch.

    Raises:
        DocexpError: the page cannot be read, encoded or corrupted.
    """
    assert isinstance(maker.targets, Corruption)
    watched = _Watched(maker.targets)
    replace(maker, targets=watched).training(row, epoch)
    assert watched.seen is not None
    return watched.seen
