"""Settings that say where things lie and what is shown; none of them is part of a run's identity."""

from dataclasses import dataclass, field
from typing import Literal

from docexp.errors import DocexpError
from docexp.settings import AtLeast1, Folder, Settings


@dataclass(kw_only=True)
class PathsSettings(Settings):
    """Folders, relative to where docexp is started."""

    runs: Folder = "runs"
    """Where run folders are made: ``<runs>/<experiment>/<identity>``."""
    shards: Folder = "shards"
    """Where the shipped data configurations look for prepared datasets."""


@dataclass(kw_only=True)
class LoggerSettings(Settings):
    """Who is told about metrics besides the run's own files, which are always written."""

    kind: Literal["files"] = "files"
    """``files``: ``metrics.jsonl`` in the run folder."""


@dataclass(kw_only=True)
class WandbSettings(LoggerSettings):
    """Mirrors the run's own files to Weights & Biases; docs of what arrives there: ``docexp/training/wandb_mirror.py``.

    Raises:
        DocexpError: a project or tag that W&B refuses.
    """

    kind: Literal["wandb", "wandb_offline"] = "wandb_offline"  # pyright: ignore[reportIncompatibleVariableOverride]
    """``wandb``: to the server, which needs a key and a network; ``wandb_offline``: into ``wandb/`` in the run folder,
    for ``wandb sync``."""
    project: str = "docexp"
    """The W&B project."""
    entity: str | None = None
    """The user or team that the project belongs to; unset: the account's own default."""
    tags: list[str] = field(default_factory=list)
    """Tags of the W&B run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # wandb's own limits (Settings.validate_project, validate_run_tags), told before anything is started
        if not 1 <= len(self.project) <= 128 or set(self.project) & set("/\\#?%:"):
            raise DocexpError(f"project={self.project!r} must have 1 to 128 characters, none of them / \\ # ? % :")
        for tag in self.tags:
            if not 1 <= len(tag) <= 64:
                raise DocexpError(f"tags: {tag!r} must have 1 to 64 characters")


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
