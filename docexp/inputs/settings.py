"""The settings of a run's data: which shards, which labels, how pages become inputs."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from docexp.documents.page import BoxLevel
from docexp.documents.readers.reader import Reader
from docexp.errors import DocexpError
from docexp.settings import AtLeast0, AtLeast1, Folder, NotNegative, Positive, PositiveShare, Settings, Share, shown


@dataclass(kw_only=True)
class PageSettings(Settings):
    """How the pages of a run are read, wherever they lie."""

    name: str
    """The name shown in tables and protocols."""
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
    share: PositiveShare = field(default=1.0, metadata={"added_default": 1.0})
    """The share of the training documents that a run trains on, of each corpus: the axis of corpus size. A smaller
    share lies within every greater one. Held-out and test pages stay as they are, and so does the tokenizer of
    ``data:N``, which is made from the whole training split. Shards behind a URL are fetched whole."""
    hold_out: bool = True
    """Whether a dataset without a validation split sets a tenth of its training documents aside (``minival``)."""
    pad_to_multiple: AtLeast1 = 8
    """Rows are padded to the batch's longest, rounded up to a multiple of this."""
    block_shards: AtLeast1 = 8
    """Shuffling happens inside blocks of this many shards, and over the blocks."""
    cache: Folder = "~/.cache/docexp"
    """Where shards behind a URL are kept on this machine, for all runs that read them."""
    cache_gb: Positive = 100.0
    """The most that the cache may hold, in GB; the tars unused for longest make room."""
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

    @abstractmethod
    def places(self) -> dict[str, str]:
        """Where the shards of each corpus lie, by the corpus' name."""

    def shares(self, pages: Sequence[int]) -> list[float]:
        """The weight of each corpus in training, relative to each other, from the number of its training pages."""
        return [1.0] * len(pages)


@dataclass(kw_only=True)
class DataSettings(PageSettings):
    """A dataset as shards on disk, and how its pages are read. ``reader`` is used by ``docexp data prepare`` only."""

    shards: Folder
    """The folder with the tars and their index, or its URL: https://…, s3://…, gs://…, hf://… (fsspec)."""
    reader: Reader | None = None
    """How the genuine download becomes pages."""

    def places(self) -> dict[str, str]:
        """The one folder."""
        return {self.name: self.shards}


@dataclass(kw_only=True)
class MixtureSettings(PageSettings):
    """Several prepared datasets trained on together; a split is scored on the pages of all that have it.

    Raises:
        DocexpError: fewer than two corpora, a name that is none, or weights that are not those of the corpora.
    """

    corpora: dict[str, Folder]
    """Each corpus' name and the folder with its tars and their index, or its URL."""
    weights: dict[str, Positive] = field(default_factory=dict)
    """How often each corpus is drawn from, relative to the others; empty: from its pages and ``alpha``."""
    alpha: NotNegative = 1.0
    """Without ``weights``, a corpus of n training pages weighs n^alpha: 1 in proportion, 0 all alike; LayoutXLM 0.7."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.corpora) < 2:
            raise DocexpError(f"corpora={shown(self.corpora)} must name two or more. One alone is a data=… of its own.")
        for name in self.corpora:
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise DocexpError(f"corpora: the name {name!r} must be made of letters, digits and _")
        if self.weights and self.weights.keys() != self.corpora.keys():
            odd = ", ".join(sorted(self.weights.keys() ^ self.corpora.keys()))
            raise DocexpError(f"weights and corpora must have the same names; only one of them has {odd}.")

    def places(self) -> dict[str, str]:
        """The corpora by name."""
        return dict(sorted(self.corpora.items()))

    def shares(self, pages: Sequence[int]) -> list[float]:
        """``weights``, or n^alpha.

        Source: LayoutXLM (arXiv 2104.08836) samples its languages with alpha 0.7; p_i ∝ n_i^alpha is the form of XLM
        (Lample and Conneau, 2019), unverified in LayoutXLM's own words.
        """
        if self.weights:
            return [weight for _, weight in sorted(self.weights.items())]
        return [float(count) ** self.alpha for count in pages]
