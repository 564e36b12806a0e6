"""What every fine-tuning task declares. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docexp.settings import Settings

if TYPE_CHECKING:
    from docexp.inputs.settings import PageSettings
    from docexp.shards.index import Index
    from docexp.tasks.task import Targets, Task


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
    def targets(self, data: "PageSettings") -> "Targets":
        """The half that runs in data workers: pages to targets."""

    @abstractmethod
    def build(self, data: "PageSettings", hidden_size: int) -> "Task":
        """The half that runs on the device: head, loss, decoding and metrics."""

    @abstractmethod
    def check_data(self, data: "PageSettings", index: "Index") -> None:
        """Refuses data that this task cannot be trained on, from what the index says alone.

        Raises:
            DocexpError: names the labels or annotations and the setting to change.
        """

    @abstractmethod
    def protocol(self, data: "PageSettings") -> dict[str, str]:
        """What must be equal for two scores of this task to be comparable, in words."""
