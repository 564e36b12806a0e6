"""The settings of a run that are in no group. Imports nothing heavy, for shell completion."""

from dataclasses import dataclass
from typing import Annotated

from docexp.settings import Range, Settings


@dataclass(kw_only=True)
class TopSettings(Settings):
    """What is in no group."""

    seed: Annotated[int, Range(at_least=0, below=2**64)] = 0
    """What the first weights, the order, the windows and dropout are drawn from."""
    label: str = ""
    """A name for this run's row in tables; empty: the differing settings are the name."""
