"""The settings of a run's data: which shards, which labels, how pages become inputs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from docexp.documents.box_levels import BOX_LEVELS
from docexp.documents.page import BoxLevel
from docexp.documents.readers.reader import Reader
from docexp.errors import DocexpError, choice


@dataclass(kw_only=True)
class DataSettings:
    """A dataset as shards on disk, and how its pages are read. ``reader`` is used by ``docexp data prepare`` only."""

    name: str
    """The name shown in tables and protocols."""
    shards: str
    """The folder with the tars and their index."""
    reader: Reader | None = None
    """How the genuine download becomes pages."""
    labels: list[str] = field(default_factory=list)
    """Entity labels that are scored, in the order of their tags."""
    outside_labels: list[str] = field(default_factory=list)
    """Entity labels that count as outside (tag O)."""
    box_level: str = "word"
    """Whose box a token gets: ``word``, ``line`` (what an OCR engine gives), or ``segment`` (the annotated entity)."""
    window_stride: int = 128
    """Tokens that two neighbouring windows of a long page share."""
    train_windows: str = "one"
    """In training, ``one`` window of a long page per visit, drawn at random, or ``all`` of them as rows."""
    hold_out: bool = True
    """Whether a dataset without a validation split sets a tenth of its training documents aside (``minival``)."""
    pad_to_multiple: int = 8
    """Rows are padded to the batch's longest, rounded up to a multiple of this."""
    block_shards: int = 8
    """Shuffling happens inside blocks of this many shards, and over the blocks."""
    workers: int = 2
    """Processes that read and encode pages ahead of training; 0 does it in the training process."""

    def __post_init__(self) -> None:
        choice("box_level", self.box_level, BOX_LEVELS)
        choice("train_windows", self.train_windows, ("one", "all"))
        both = set(self.labels) & set(self.outside_labels)
        if both:
            raise DocexpError(f"labels and outside_labels both hold {', '.join(sorted(both))}")
        if self.workers < 0 or self.pad_to_multiple < 1 or self.window_stride < 0 or self.block_shards < 1:
            raise DocexpError("workers and window_stride must be 0 or more, pad_to_multiple and block_shards 1 or more")

    @property
    def level(self) -> BoxLevel:
        """``box_level``, checked."""
        return cast(BoxLevel, self.box_level)

    @property
    def folder(self) -> Path:
        """The shards' folder with ``~`` expanded."""
        return Path(self.shards).expanduser()
