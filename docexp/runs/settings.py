"""Settings that say where things lie and what is shown; none of them is part of a run's identity."""

from dataclasses import dataclass

from docexp.errors import choice
from docexp.settings import AtLeast1, Folder, Settings


@dataclass(kw_only=True)
class PathsSettings(Settings):
    """Folders, relative to where docexp is started."""

    runs: Folder = "runs"
    """Where run folders are made: ``<runs>/<experiment>/<identity>``."""
    shards: Folder = "shards"
    """Where the shipped data configurations look for prepared datasets."""


@dataclass(kw_only=True)
class LoggerSettings:
    """Who is told about metrics besides the run's own files, which are always written."""

    kind: str = "files"
    """``files``: ``metrics.jsonl`` in the run folder."""

    def __post_init__(self) -> None:
        choice("kind", self.kind, ("files",))


@dataclass(kw_only=True)
class DebugSettings(Settings):
    """Shortened runs for finding faults. A run with any of these set lies under ``<runs>/.debug``."""

    pages: AtLeast1 | None = None
    """Train and evaluate on only the first so many training pages."""
    evaluation_pages: AtLeast1 | None = None
    """Evaluate on only the first so many pages of a split."""
    profile: bool = False
    """Write ``profile.txt`` into the run folder: where the time of the training steps went."""

    @property
    def active(self) -> bool:
        """Whether any of the above is set."""
        return self.pages is not None or self.evaluation_pages is not None or self.profile
