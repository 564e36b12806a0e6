"""What a run says: to the person at the terminal, and with the time into ``log.txt``."""

import logging
import sys
import warnings
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

LIBRARIES = (
    "pytorch_lightning",
    "lightning_fabric",
    "transformers",
    "torch",
    "py.warnings",
    "datasets",
    "huggingface_hub",
    "DeepSpeed",
)


class RunLog:
    """Prints messages and keeps them; what libraries log and warn goes into the file only.

    Args:
        file: ``log.txt``, appended to; None on ranks other than 0, which say nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._opened = file, None
        self._handler: logging.Handler = logging.NullHandler()

    def __enter__(self) -> "RunLog":
        if self._file is not None:
            self._opened = self._file.open("a", encoding="utf-8")
            self._handler = logging.StreamHandler(self._opened)
            self._handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S"))
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        for name in LIBRARIES:
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self._handler], False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self._opened is not None:
            self._write(f"ended by {kind.__name__ if kind else ''}: {error}")
        logging.captureWarnings(False)
        for name in LIBRARIES:
            logging.getLogger(name).handlers = []
        if self._opened is not None:
            self._opened.close()

    @property
    def terminal(self) -> TextIO | None:
        """Where to draw, or None when nobody is told anything here."""
        return sys.stdout if self._file is not None else None

    def say(self, text: str) -> None:
        """One message, to the terminal and the file."""
        if self._file is not None:
            print(text, flush=True)
            self._write(text)

    def note(self, text: str) -> None:
        """One message, to the file only."""
        if self._file is not None:
            self._write(text)

    def _write(self, text: str) -> None:
        if self._opened is not None:
            self._opened.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}\n")
            self._opened.flush()
