"""``metrics.jsonl``: one json object a line, ``{"step": 10, "loss": 0.61, …}``, in the order of the steps."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from docexp.errors import DocexpError
from docexp.runs import atomic, strict_json

TIMES = frozenset(
    {
        "seconds",
        "samples_per_second",
        "tokens_per_second",
        "model_flops_per_second",
        "matmul_flops_per_second",
        "matmul_utilisation",
        "memory_bytes",
    }
)
"""Keys (or last parts of ``a/b`` keys) for times, rates and memory: two runs that compute the same differ in them.

A training line's rates are those since the line before, over all processes, validations left out; its memory is the
first process's peak so far. ``model_flops_per_second`` is what the model needs for its real tokens (``models.flops``).
``matmul_utilisation`` is that as a share of ``matmul_flops_per_second``, which a large matrix product was measured to
reach on these devices in this precision when training started (in that start's first line): no data-sheet peak, hence
higher than an MFU.
"""


class MetricsLog:
    """Appends lines; each is on disk before ``write`` returns, so that a checkpoint never outlives its metrics.

    Call ``cut_back`` first when a run goes on. Numbers that are not finite are written as ``"nan"``, ``"inf"``,
    ``"-inf"``, and read back as floats.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._last = -1

    def cut_back(self, step: int) -> int:
        """Drops what was written after ``step``, the checkpoint's, and an unfinished last line; says how many lines.

        Lines of ``step`` itself stay: they must have been written before its checkpoint.

        Raises:
            DocexpError: the file is damaged, or gone although the run has come this far.
        """
        self.close()
        if not self._path.exists():
            if step:
                raise DocexpError(
                    f"{self._path} is gone, the run goes on from step {step}. Train anew: docexp train … --again"
                )
            return 0
        data = self._path.read_bytes()
        lines = data.splitlines(keepends=True)
        steps = [entry["step"] for entry in read(self._path)]
        kept = [line for line, at in zip(lines, steps, strict=False) if at <= step]
        if len(kept) < len(lines):
            atomic.write_bytes(self._path, b"".join(kept))
        self._last = max((at for at in steps if at <= step), default=-1)
        return len(lines) - len(kept)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a line.

        Raises:
            ValueError: ``step`` lies before the last line's: the log was not cut back.
            DocexpError: the place cannot be written.
        """
        with atomic.mendable(self._path):
            if self._file is None:
                if self._last < 0 and self._path.exists() and self._path.stat().st_size:
                    raise ValueError(f"{self._path} has lines already: cut_back first")
                self._file = self._path.open("ab", buffering=0)
            if step < self._last:
                raise ValueError(f"{self._path}: a line of step {step} after one of step {self._last}")
            line = {"step": step, **{name: float(value) for name, value in values.items()}}
            self._file.write(strict_json.dumps(line).encode() + b"\n")
            os.fsync(self._file.fileno())
        self._last = step

    def close(self) -> None:
        """Closes the file; ``write`` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read(path: Path) -> list[dict[str, float]]:
    """All whole lines; ``step`` is an int, everything else a float. A last line cut short by a kill is left out.

    Raises:
        DocexpError: a line before the last is damaged, named by its number.
    """
    lines = path.read_bytes().split(b"\n")
    entries = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = json.loads(line)
            entries.append({name: value if name == "step" else float(value) for name, value in entry.items()})
            entry["step"]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise DocexpError(f"{path}, line {number} is damaged. Train anew: docexp train … --again") from error
    return entries


def comparable(lines: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """The lines without ``TIMES``: equal for two runs that computed the same."""
    return [{name: value for name, value in line.items() if name.rpartition("/")[2] not in TIMES} for line in lines]
