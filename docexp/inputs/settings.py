"""The settings of a run's data: which shards, which labels, how pages become inputs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from docexp.documents.page import BoxLevel
from docexp.documents.readers.reader import Reader
from docexp.errors import DocexpError
from docexp.settings import AtLeast0, AtLeast1, Folder, Settings, Share


@dataclass(kw_only=True)
class DataSettings(Settings):
    """A dataset as shards on disk, and how its pages are read. ``reader`` is used by ``docexp data prepare`` only."""

    name: str
    """The name shown in tables and protocols."""
    shards: Folder
    """The folder with the tars and their index."""
    reader: Reader | None = None
    """How the genuine download becomes pages."""
    labels: list[str] = field(default_factory=list)
    """Entity labels that are scored, in the order of their tags."""
    outside_labels: list[str] = field(default_factory=list)
    """Entity labels that count as outside (tag O)."""
    box_level: BoxLevel = "word"
    """Whose box a token gets: ``word``, ``line`` (what an OCR engine gives), or ``segment`` (the annotated entity)."""
    window_stride: AtLeast0 = 128
    """Tokens that two neighbouring windows of a long page share."""
    train_windows: Literal["one", "all"] = "one"
    """In training, ``one`` window of a long page per visit, drawn at random, or ``all`` of them as rows."""
    hold_out: bool = True
    """Whether a dataset without a validation split sets a tenth of its training documents aside (``minival``)."""
    pad_to_multiple: AtLeast1 = 8
    """Rows are padded to the batch's longest, rounded up to a multiple of this."""
    block_shards: AtLeast1 = 8
    """Shuffling happens inside blocks of this many shards, and over the blocks."""
    on_error: Literal["raise", "skip"] = "raise"
    """A training page that cannot be read: ``raise`` stops the run, ``skip`` does without it, counts it by tar, and
    the result says so. Validation and test always stop: a score over fewer pages is another score."""
    max_skipped: Share = 0.001
    """Under ``on_error=skip`` a run stops when it skipped a greater share of the pages drawn so far (or of an epoch's
    pages, while fewer were drawn)."""
    workers: AtLeast0 = 2
    """Processes that read and encode pages ahead of training; 0 does it in the training process."""

    def __post_init__(self) -> None:
        super().__post_init__()
        both = set(self.labels) & set(self.outside_labels)
        if both:
            raise DocexpError(f"labels and outside_labels both hold {', '.join(sorted(both))}: take it out of one")
        for name in ("labels", "outside_labels"):
            twice = {label for label in getattr(self, name) if getattr(self, name).count(label) > 1}
            if twice:
                raise DocexpError(f"{name} holds {', '.join(sorted(twice))} twice")
            if not all(label.strip() for label in getattr(self, name)):
                raise DocexpError(f"{name}={getattr(self, name)} holds a label without a name")

    @property
    def folder(self) -> Path:
        """The shards' folder with ``~`` expanded."""
        return Path(self.shards).expanduser()
