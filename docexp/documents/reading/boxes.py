"""Boxes as annotation files hold them, on their way into a page: checked, and repaired where that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from docexp.documents.geometry import Boxes, area, as_boxes, clip, first_fault, union
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError

Repair = Literal["none", "swap", "clip", "swap+clip"]
"""What a reader does with faulty boxes; ``RepairSettings`` explains each."""

Cut = Literal["none", "clip"]
"""The same for boxes around four points, which are never reversed."""

_LARGEST = 2.0**53
"""Integers above it are no coordinates, and no floats either."""


@dataclass(kw_only=True)
class RepairSettings:
    """The setting of readers whose boxes may be reversed or reach beyond the page; some have another default."""

    repair: Repair = "none"
    """What to do with faulty boxes: ``none`` refuses them, ``swap`` turns reversed ones round, ``clip`` cuts those
    that reach beyond the page, ``swap+clip`` does both. Repairs are counted."""


def is_number(value: Any) -> bool:
    """Whether a json value is a number that a float holds (``True`` is none, nor is an integer of 400 digits)."""
    return type(value) is float or (type(value) is int and abs(value) < _LARGEST)


def four_numbers(values: Any, where: str, name: str = "bbox") -> Sequence[float]:
    """The four numbers of a box, as the file has them, whatever they mean.

    Raises:
        DocexpError: they are no such thing; ``where`` comes first, ``name`` is how the file calls them.
    """
    if not _numbers(values, 4):
        raise DocexpError(f"{where}: {name} {_shown(values)} is not four numbers.")
    return values


def around(boxes: Boxes) -> tuple[float, float, float, float]:
    """The box around all ``boxes`` (``[N, 4]`` or one of ``[4]``), as an annotation holds it."""
    x0, y0, x1, y1 = union(boxes.reshape(-1, 4)).tolist()
    return x0, y0, x1, y1


@dataclass(frozen=True)
class BoxRules:
    """Turns the boxes of one page's file into boxes that can be on a page of ``width × height`` pixels."""

    width: float
    height: float
    repair: Repair
    report: Report

    def box(self, values: Any, where: str) -> Boxes:
        """A box ``[4]`` from four numbers ``x0, y0, x1, y1``.

        Raises:
            DocexpError: it is no box, or has a fault that ``repair`` does not cover; ``where`` comes first.
        """
        return self._mended(as_boxes(four_numbers(values, where, "box")), where)

    def xywh(self, values: Any, where: str) -> Boxes:
        """A box ``[4]`` from ``x, y, width, height``, as COCO stores it.

        Raises:
            DocexpError: as ``box``.
        """
        x, y, wide, high = four_numbers(values, where)
        return self._mended(as_boxes([x, y, x + wide, y + high]), where)

    def words(self, boxes: Boxes, texts: Sequence[str], where: str) -> Boxes:
        """Boxes ``[N, 4]`` of words with these ``texts``, as those of one word each.

        Raises:
            DocexpError: as ``box``; the word is named.
        """
        if first_fault(boxes, self.width, self.height) is None:
            return boxes
        named = enumerate(zip(texts, boxes.tolist(), strict=True))
        return as_boxes([self.box(box, f"{where}, word {place} {text!r}") for place, (text, box) in named])

    def quad(self, values: Any, where: str) -> Boxes:
        """The box ``[4]`` around the points ``x1, y1, … x4, y4``, whatever their order.

        Raises:
            DocexpError: as ``box``.
        """
        if not _numbers(values, 8):
            raise DocexpError(f"{where}: points {_shown(values)} are not eight numbers.")
        points = np.array(values, np.float64).reshape(4, 2)
        return self._mended(as_boxes([*points.min(axis=0), *points.max(axis=0)]), where)

    def _mended(self, box: Boxes, where: str) -> Boxes:
        if "swap" in self.repair and (box[0, :2] > box[0, 2:]).any():
            box = np.hstack([np.minimum(box[:, :2], box[:, 2:]), np.maximum(box[:, :2], box[:, 2:])])
            self.report.repair("reversed boxes turned round", one="reversed box turned round")
        fault = first_fault(box, self.width, self.height)
        if fault and "outside" in fault[1] and "clip" in self.repair:
            cut, changed = clip(box, self.width, self.height)
            if area(cut)[0] > 0:
                self.report.repair("boxes cut at the page's border", changed, one="box cut at the page's border")
                return cut[0]
        if fault:
            raise DocexpError(f"{where}: {fault[1]}.{_advice(fault[1], self.repair)}")
        return box[0]


def _shown(values: Any) -> str:
    text = str(values)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _numbers(values: Any, count: int) -> bool:
    return isinstance(values, Sequence) and len(values) == count and all(map(is_number, values))


def _advice(fault: str, repair: str) -> str:
    needed = {"<": ("swap", "turns it round"), "outside": ("clip", "cuts it at the border")}
    for sign, (name, effect) in needed.items():
        if sign in fault and name not in repair:
            both = name if repair == "none" else "swap+clip"
            return f" data.reader.repair={both} {effect} (counted)."
    return " Correct the file."
