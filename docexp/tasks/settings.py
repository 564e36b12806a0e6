"""What every fine-tuning task declares. Imports no torch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.settings import Settings

if TYPE_CHECKING:
    from docexp.inputs.settings import PageSettings
    from docexp.inputs.tokenizer import Tokenizer
    from docexp.shards.index import Index
    from docexp.tasks.task import Targets, Task


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a task is told about a run's data and inputs.

    Args:
        data: how pages are read.
        tokenizer: words to ids.
        image_side: side in pixels of the images that the model sees; None when it sees none.
        patch_grid: patches along one side of them; None where there are none.
        codes: that a model which is an image tokenizer chooses among; None for others.
    """

    data: "PageSettings"
    tokenizer: "Tokenizer"
    image_side: int | None = None
    patch_grid: int | None = None
    codes: int | None = None


@dataclass(kw_only=True)
class TaskSettings(Settings, ABC):
    """A task's settings; a subclass names what it needs and builds its two halves."""

    @property
    @abstractmethod
    def needs(self) -> frozenset[str]:
        """The fields of ``Encoded`` the head reads."""

    @property
    @abstractmethod
    def annotations(self) -> frozenset[str]:
        """The annotation kinds of a page that targets are made from."""

    @property
    @abstractmethod
    def primary_metric(self) -> str:
        """The metric that a run is remembered by; larger is better."""

    @abstractmethod
    def targets(self, given: Given) -> "Targets":
        """The half that runs in data workers: pages to targets."""

    @abstractmethod
    def build(self, given: Given, hidden_size: int) -> "Task":
        """The half that runs on the device: head, loss, decoding and metrics."""

    @abstractmethod
    def check_data(self, data: "PageSettings", indices: "Sequence[Index]", patch_grid: int | None) -> None:
        """Refuses data that this task cannot be trained on, from what the indices say alone.

        Args:
            data: how pages are read.
            indices: the pages of every corpus.
            patch_grid: patches along one side of the image that the model sees; None where there are none.

        Raises:
            DocexpError: names the labels or annotations and the setting to change.
        """

    @property
    def scored_splits(self) -> tuple[str, ...]:
        """The splits that a run's result may be scored on: the first of them that the data has."""
        return ("test",)

    @property
    def scored_pages(self) -> int | None:
        """How many pages of a split are scored, spread evenly over it; None: all, as scores of the field are."""
        return None

    @abstractmethod
    def protocol(self, given: Given) -> dict[str, str]:
        """What must be equal for two scores of this task to be comparable, in words."""
