"""What a run comes to: ``result.json``, and the folders of its evaluations."""

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from docexp.errors import DocexpError
from docexp.runs import atomic, strict_json
from docexp.runs.identity import LENGTH, canonical

FINISHED, DIVERGED = "finished", "diverged"


def now() -> str:
    """The local time with its offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class _Record:
    """A flat record in a json file of its own."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads what ``write`` wrote.

        Raises:
            DocexpError: the file is missing, damaged, or of another version of docexp.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["value"] = float(values["value"])
            values["metrics"] = {name: float(value) for name, value in values["metrics"].items()}
            return cls(**values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DocexpError(f"{path} cannot be read as a {cls.__name__.lower()}: {error}") from error

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        atomic.write_json(path, dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class Result(_Record):
    """The end of a run. A run that diverged has one too: its ``value`` is nan and it has no evaluation."""

    identity: str
    experiment: str
    status: str
    """``finished`` or ``diverged``."""
    primary_metric: str
    value: float
    """The primary metric."""
    fraction: bool = True
    """Whether ``value`` lies in 0..1 and is shown in percent."""
    metrics: dict[str, float] = field(default_factory=dict)
    protocol: dict[str, str] = field(default_factory=dict)
    """What must be equal for two values to be comparable, in words: ``{"boxes": "word boxes", …}``."""
    step: int
    """The step that was scored, or the one whose loss was not finite."""
    seconds: float
    """Time spent training, over all starts that ended in an orderly way."""
    finished: str = field(default_factory=now)
    evaluation: str = ""
    """The evaluation's folder, relative to the run's."""
    skipped: dict[str, int] = field(default_factory=dict)
    """By tar, the times that a training page was skipped because it could not be read (``data.on_error=skip``)."""
    drawn: dict[str, int] = field(default_factory=dict)
    """By corpus of a mixture, the pages that training drew from it."""

    def __post_init__(self) -> None:
        if self.status not in (FINISHED, DIVERGED):
            raise ValueError(f"status {self.status!r} is neither {FINISHED} nor {DIVERGED}")


@dataclass(frozen=True, kw_only=True)
class Evaluation(_Record):
    """The scores of one checkpoint on one set of data by one protocol."""

    checkpoint: str
    """What was scored: a name that does not stand for other weights tomorrow, or a checksum."""
    data: str
    """The data's checksum."""
    protocol: dict[str, str]
    primary_metric: str
    value: float
    fraction: bool = True
    metrics: dict[str, float]
    samples: int
    """Samples scored, each once."""
    seconds: float
    finished: str = field(default_factory=now)

    @property
    def key(self) -> str:
        """The name of the evaluation's folder."""
        return evaluation_key(self.checkpoint, self.data, self.protocol)


def evaluation_key(checkpoint: str, data: str, protocol: Mapping[str, str]) -> str:
    """12 hex digits over what decides an evaluation's outcome."""
    text = canonical({"checkpoint": checkpoint, "data": data, "protocol": protocol})
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def write_evaluation(
    parent: Path,
    evaluation: Evaluation,
    predictions: Iterable[Any],
    scores: Iterable[Any],
    pictures: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes ``parent/<key>/`` with ``result.json``, ``predictions.jsonl.gz``, ``scores.jsonl``; complete or not there.

    The same predictions give the same bytes. An earlier evaluation of that key is replaced.

    Args:
        parent: the run's ``evaluations/``.
        evaluation: the scores.
        predictions: one plain json value for each sample.
        scores: the same for the samples' own scores.
        pictures: further files, by name.
    """
    target = parent / evaluation.key
    with atomic.new_folder(target) as folder, atomic.mendable(target):
        # no name and no time in the gzip header: the bytes depend on the predictions alone
        with (
            (folder / "predictions.jsonl.gz").open("wb") as raw,
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
        ):
            packed.writelines(_lines(predictions))
        with (folder / "scores.jsonl").open("wb") as opened:
            opened.writelines(_lines(scores))
        for name, picture in (pictures or {}).items():
            (folder / name).write_bytes(picture)
        evaluation.write(folder / "result.json")
    return target


def read_predictions(folder: Path) -> list[Any]:
    """The predictions of an evaluation's folder, one for each sample."""
    with gzip.open(folder / "predictions.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _lines(values: Iterable[Any]) -> Iterable[bytes]:
    return (strict_json.dumps(value).encode() + b"\n" for value in values)
