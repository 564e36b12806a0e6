"""TableBank: pages of Word and LaTeX documents with their tables (the detection part).

Source: Li et al., "TableBank: Table Benchmark for Image-based Table Detection and Recognition", LREC 2020; the names of
the annotation files as programs that read the release spell them (``Detection/annotations/tablebank_*_*.json``,
``Detection/images``; unverified on the release itself). Image names are URL-encoded on disk and in the annotations
alike, so that nothing is decoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from docexp.documents.readers.coco import CocoReader


def _both(split: str) -> list[str]:
    return [f"Detection/annotations/tablebank_{kind}_{split}.json" for kind in ("word", "latex")]


@dataclass(kw_only=True)
class TablebankReader(CocoReader):
    """Reads TableBank's detection part from its unpacked folder; Word pages come before LaTeX pages."""

    name: ClassVar[str] = "tablebank"
    licence: ClassVar[str] = "CC BY-NC-ND 4.0, research only"

    train: list[str] = field(default_factory=lambda: _both("train"))
    validation: list[str] = field(default_factory=lambda: _both("val"))
    test: list[str] = field(default_factory=lambda: _both("test"))
    images: str = "Detection/images"

    @property
    def annotations(self) -> Mapping[str, tuple[str, ...]]:
        """Regions with one label."""
        return {"regions": ("table",)}
