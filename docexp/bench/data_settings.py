"""What ``docexp bench data`` is asked for. Imports no torch."""

from dataclasses import dataclass

from docexp.settings import AtLeast0, AtLeast1, Settings


@dataclass(kw_only=True)
class DataBenchSettings(Settings):
    """Reading and preparing pages: how many, and how often."""

    pages: AtLeast1 = 400
    """Pages of the built-in forms that are drawn and stored."""
    size: AtLeast1 = 224
    """Side in pixels of the square that a model sees, and of the smaller stored images."""
    batch: AtLeast1 = 16
    """Pages of a batch."""
    repeats: AtLeast1 = 5
    """How often each is measured; the median counts."""
    memory_samples: AtLeast0 = 100_000
    """Samples of an epoch while memory is watched, for two epochs; 0 leaves that out."""
    out: str | None = None
    """Where the results go: ``<out>.json`` and ``<out>.md``, and ``<out>_memory.png``."""
