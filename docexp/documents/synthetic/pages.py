"""A leaf as a ``Page``: words in stored order, and every annotation that its reader announces."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from docexp.documents.geometry import Boxes, as_boxes, union
from docexp.documents.page import Page, Question, Region, Relation
from docexp.documents.synthetic.leaf import Block, Leaf, around, outline, polygon_area
from docexp.documents.synthetic.noise import Scanner, scan
from docexp.documents.synthetic.record import Placed, encode
from docexp.documents.synthetic.scan_order import scan_order
from docexp.documents.synthetic.sheet import Rect, Words

Stored = Literal["scan", "shuffled"]


@dataclass(frozen=True)
class Shape:
    """A region's outline, and in the scanned image its box and its polygon."""

    label: str
    box: tuple[float, float, float, float]
    polygon: tuple[float, ...]


@dataclass(frozen=True)
class Scanned:
    """A page's image and where things are in it: words ``[N, 4]``, entities' own boxes, regions."""

    image: Image.Image
    words: Boxes
    cells: dict[int, tuple[float, float, float, float]]
    shapes: tuple[Shape, ...]


def scanned(leaf: Leaf, image: Image.Image, scanner: Scanner | None, rng: random.Random) -> Scanned:
    """The painted leaf under the scanner, which turns words, cells and regions alike."""
    words = leaf.word_boxes
    outlines = [_outline(leaf, block, words) for block in leaf.blocks]
    corners = [(x, y, x, y) for line in outlines for x, y in zip(line[::2], line[1::2], strict=True)]
    cells = list(leaf.cell_boxes.values())
    boxes = as_boxes([*words, *cells, *corners])
    if scanner is not None:
        image, boxes = scan(image, boxes, scanner, np.random.default_rng(rng.getrandbits(64)))
    placed, own, points = np.split(boxes, [len(words), len(words) + len(cells)])
    shapes: list[Shape] = []
    for block, line in zip(leaf.blocks, outlines, strict=True):
        turned, points = points[: len(line) // 2], points[len(line) // 2 :]
        x0, y0, x1, y1 = union(np.concatenate([turned, placed[list(block.words)]])).tolist()
        shapes.append(Shape(block.label, (x0, y0, x1, y1), tuple(turned[:, :2].ravel().tolist())))
    found = {entity: (x0, y0, x1, y1) for entity, (x0, y0, x1, y1) in zip(leaf.cell_boxes, own.tolist(), strict=True)}
    return Scanned(image, placed, found, tuple(shapes))


def _outline(leaf: Leaf, block: Block, boxes: list[Rect]) -> tuple[float, ...]:
    """A text's ragged outline; a box around a table or figure. ``boxes`` are the leaf's words'."""
    inside = set(block.words)
    lines = [around([boxes[word] for word in line]) for line in leaf.lines_of(inside)] if inside else []
    if block.drawn is None and block.label != "table":
        return outline(lines)
    return outline([around([*lines, *([block.drawn] if block.drawn else [])])])


def stored_order(boxes: Boxes, lines: Sequence[Words], stored: Stored, rng: random.Random) -> list[int]:
    """Word indices as they are stored: in scan order, or line by line with the lines in an order drawn from ``rng``."""
    if stored == "scan":
        return scan_order(boxes, lines)
    shuffled = list(lines)
    rng.shuffle(shuffled)
    return [word for line in shuffled for word in line]


@dataclass(frozen=True)
class PageNames:
    """What a page is called and where it stands in its document."""

    id: str
    document_id: str
    number: int


def page_of(
    leaf: Leaf,
    names: PageNames,
    found: Scanned,
    order: Sequence[int],
    unread: dict[int, str],
    *,
    kinds: Collection[str],
    polygons: bool = False,
    questions: Sequence[Question] = (),
    fields: dict[str, tuple[str, ...]] | None = None,
    noisy: bool,
) -> Page:
    """The page with the annotations of ``kinds``.

    ``order`` holds the leaf's words as they are stored. ``unread`` are the words that the reader of the page missed:
    with the text it took them for, or "" for words that it did not see, which are not stored.
    """
    kept = [word for word in order if unread.get(word) != ""]
    placed = Placed(leaf, kept, found.words)
    at = placed.numbers
    annotations: dict[str, Any] = {
        "entities": placed.entities(found.cells),
        "relations": tuple(Relation(at[head], at[tail], label) for head, tail, label in leaf.links),
        "document_class": leaf.document_class,
        "questions": tuple(questions),
        "regions": tuple(_region(shape, polygons) for shape in found.shapes),
        "reading_order": placed.moved(range(len(leaf.words))),
        "fields": fields or {},
    }
    data, image_format = encode(found.image, noisy)
    return Page(
        id=names.id,
        document_id=names.document_id,
        number=names.number,
        width=leaf.width,
        height=leaf.height,
        words=tuple(unread.get(word, leaf.words[word].text) for word in kept),
        word_boxes=found.words[kept],
        image=data,
        image_format=image_format,
        lines=tuple(sorted(filter(None, map(placed.moved, leaf.lines)))),
        **{kind: value for kind, value in annotations.items() if kind in kinds},
    )


def _region(shape: Shape, polygons: bool) -> Region:
    x0, y0, x1, y1 = shape.box
    if not polygons:
        return Region(shape.label, shape.box, (x1 - x0) * (y1 - y0))
    return Region(shape.label, shape.box, polygon_area(shape.polygon), polygons=(shape.polygon,))
