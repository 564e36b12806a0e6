"""A run's folder and the files in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError
from docexp.runs import atomic


@dataclass(frozen=True)
class RunFolder:
    """``<runs>/<experiment>/<identity>/`` and the places in it; making one of these touches nothing on disk."""

    path: Path

    @property
    def identity(self) -> str:
        """The folder's own name."""
        return self.path.name

    @property
    def config(self) -> Path:
        """``config.yaml``: the whole configuration, plain, with every default."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """``environment.json``: versions, code digests, and one entry for every start."""
        return self.path / "environment.json"

    @property
    def changes(self) -> Path:
        """``changes.diff``: what was not committed, when there was something and it is small."""
        return self.path / "changes.diff"

    @property
    def log(self) -> Path:
        """``log.txt``: what the run said."""
        return self.path / "log.txt"

    @property
    def first_weights(self) -> Path:
        """``first_weights.json``: where training started from, on which terms; absent where that is the seed alone."""
        return self.path / "first_weights.json"

    @property
    def metrics(self) -> Path:
        """``metrics.jsonl``: losses and validation scores by step."""
        return self.path / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """``result.json``: there when the run has come to its end."""
        return self.path / "result.json"

    @property
    def checkpoints(self) -> Path:
        """``checkpoints/``."""
        return self.path / "checkpoints"

    @property
    def evaluations(self) -> Path:
        """``evaluations/``: one folder for each checkpoint, data and protocol."""
        return self.path / "evaluations"

    @property
    def tokenizer(self) -> Path:
        """``tokenizer/``: the run's own copy, which runs that start from its weights take."""
        return self.path / "tokenizer"

    @property
    def locks(self) -> Path:
        """Beside the folder, so that setting the folder aside leaves the lock where it is."""
        return self.path.with_name(f".{self.identity}.lock")

    def create(self) -> None:
        """Makes the folder, if it is not there.

        Raises:
            DocexpError: the place cannot be written.
        """
        with atomic.mendable(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def read_config(self) -> dict[str, Any]:
        """The configuration the run was started with.

        Raises:
            DocexpError: the file is missing or damaged.
        """
        import yaml

        try:
            config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DocexpError(f"{self.config} cannot be read: {str(error).splitlines()[0]}") from error
        if not isinstance(config, dict):
            raise DocexpError(f"{self.config} holds no configuration")
        return config


def set_aside(folder: RunFolder) -> Path:
    """Renames a run's folder to ``<identity>.old-<n>``, n counting from 1, and gives its new place.

    Raises:
        DocexpError: the place cannot be written.
    """
    number = 1
    while (place := folder.path.with_name(f"{folder.identity}.old-{number}")).exists():
        number += 1
    with atomic.mendable(place):
        folder.path.rename(place)
    return place
