"""The page: the only in-memory record of a document page and what is annotated on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from docexp.documents.geometry import Boxes, as_boxes
from docexp.errors import DocexpError

BoxLevel = Literal["word", "line", "segment"]
ImageFormat = Literal["png", "jpg", "webp", "tif"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = ("png", "jpg", "webp", "tif")


class PageError(DocexpError):
    """A page breaks its own rules; the text names the page and the word, entity or relation."""


@dataclass(frozen=True)
class Entity:
    """An annotated group of words: ``words`` are indices into the page's words, in reading order.

    ``box`` is the annotator's box in page pixels; it may differ from the union of the word boxes, and an entity may
    have no words at all.
    """

    label: str
    words: tuple[int, ...]
    box: tuple[float, float, float, float]
    id: str = ""


@dataclass(frozen=True)
class Relation:
    """A directed link between two entities, given as indices into the page's entities."""

    head: int
    tail: int
    label: str = "link"


@dataclass(frozen=True)
class Question:
    """A question about the page with every answer the annotators accepted (none in a hidden test split)."""

    id: str
    text: str
    answers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    """A layout region. ``area`` and ``polygons`` (flat x, y lists) are the annotator's, in page pixels."""

    label: str
    box: tuple[float, float, float, float]
    area: float
    iscrowd: bool = False
    polygons: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Page:
    """One page. Boxes are float ``x0, y0, x1, y1`` in the original image's pixels, origin top left.

    ``id`` is unique in a dataset; ``document_id`` groups the pages of a document; ``number`` counts its pages from 0.
    ``image`` holds the encoded file until someone needs pixels; it may be smaller than ``width × height``, which stay
    the original's. ``words`` may be blank. ``lines`` hold word indices. An annotation that is ``None`` was never
    made; an empty one was made and found nothing.

    Raises:
        PageError: a size, box, index or order that cannot be, named by page and place.
    """

    id: str
    width: float
    height: float
    words: tuple[str, ...]
    word_boxes: Boxes
    document_id: str = ""
    number: int = 0
    image: bytes | None = field(default=None, repr=False)
    image_format: ImageFormat = "png"
    lines: tuple[tuple[int, ...], ...] | None = None
    entities: tuple[Entity, ...] | None = None
    relations: tuple[Relation, ...] | None = None
    document_class: str | None = None
    questions: tuple[Question, ...] | None = None
    regions: tuple[Region, ...] | None = None
    reading_order: tuple[int, ...] | None = None
    fields: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        boxes = as_boxes(self.word_boxes)
        boxes.setflags(write=False)
        object.__setattr__(self, "word_boxes", boxes)
        object.__setattr__(self, "document_id", self.document_id or self.id)
        _validate(self)

    @property
    def annotations(self) -> frozenset[str]:
        """The names of the annotation kinds this page carries."""
        return frozenset(name for name in ANNOTATION_KINDS if getattr(self, name) is not None)

    def to_json(self) -> dict[str, Any]:
        """The page without its image, as plain json values."""
        record: dict[str, Any] = {
            "id": self.id,
            "document_id": self.document_id,
            "number": self.number,
            "width": self.width,
            "height": self.height,
            "words": list(self.words),
            "word_boxes": self.word_boxes.tolist(),
        }
        for name in ("lines", *ANNOTATION_KINDS):
            value = getattr(self, name)
            if value is not None:
                record[name] = _plain(value)
        return record

    @classmethod
    def from_json(
        cls, record: Mapping[str, Any], image: bytes | None = None, image_format: ImageFormat = "png"
    ) -> Self:
        """The inverse of ``to_json``; unknown keys are an error, since they would be lost."""
        values = dict(record)
        for name, read in _READ.items():
            if values.get(name) is not None:
                values[name] = read(values[name])
        try:
            return cls(**values, image=image, image_format=image_format)
        except TypeError as error:
            raise PageError(f"page {record.get('id', '?')}: not a page record: {error}") from None


ANNOTATION_KINDS = (
    "entities",
    "relations",
    "document_class",
    "questions",
    "regions",
    "reading_order",
    "fields",
)


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _records(kind: type) -> Any:
    return lambda rows: tuple(kind(**{key: _frozen(item) for key, item in row.items()}) for row in rows)


_READ = {
    "words": tuple,
    "lines": _frozen,
    "entities": _records(Entity),
    "relations": _records(Relation),
    "questions": _records(Question),
    "regions": _records(Region),
    "reading_order": tuple,
    "fields": lambda value: {key: tuple(item) for key, item in value.items()},
}


def _validate(page: Page) -> None:
    where = f"page {page.id}"
    if not page.id:
        raise PageError("a page without an id")
    if not (page.width > 0 and page.height > 0):
        raise PageError(f"{where}: size {page.width} × {page.height} is not positive")
    if page.image_format not in IMAGE_FORMATS:
        raise PageError(f"{where}: image format {page.image_format!r} is none of {', '.join(IMAGE_FORMATS)}")
    if len(page.words) != len(page.word_boxes):
        raise PageError(f"{where}: {len(page.words)} words but {len(page.word_boxes)} boxes")
    _check_boxes(page, page.word_boxes, lambda i: f"word {i} {page.words[i]!r}")
    for name in ("lines", "reading_order"):
        indices = getattr(page, name)
        flat = [] if indices is None else list(np.hstack(indices).astype(int)) if indices else []
        if len(set(flat)) != len(flat) or any(not 0 <= i < len(page.words) for i in flat):
            raise PageError(f"{where}: {name} must hold each word index at most once, below {len(page.words)}")
    _validate_entities(page, where)
    for number, region in enumerate(page.regions or ()):
        _check_boxes(page, as_boxes(region.box), lambda _, n=number: f"region {n}")


def _validate_entities(page: Page, where: str) -> None:
    entities = page.entities or ()
    for number, entity in enumerate(entities):
        if len(set(entity.words)) != len(entity.words) or any(not 0 <= i < len(page.words) for i in entity.words):
            raise PageError(f"{where}, entity {number} ({entity.label}): its word indices {entity.words} do not fit")
        _check_boxes(page, as_boxes(entity.box), lambda _, n=number, e=entity: f"entity {n} ({e.label})")
    for relation in page.relations or ():
        if not (0 <= relation.head < len(entities) and 0 <= relation.tail < len(entities)):
            raise PageError(f"{where}: relation {relation.head} → {relation.tail} names an entity that is not there")


def _check_boxes(page: Page, boxes: Boxes, name: Callable[[int], str]) -> None:
    limit = np.array([page.width, page.height])
    finite = np.all(np.isfinite(boxes), axis=1)
    ordered = np.all(boxes[:, :2] <= boxes[:, 2:], axis=1)
    inside = np.all(boxes[:, :2] >= 0, axis=1) & np.all(boxes[:, 2:] <= limit, axis=1)
    bad = np.flatnonzero(~(finite & ordered & inside))
    if not len(bad):
        return
    first = int(bad[0])
    box = "(" + ", ".join(f"{value:g}" for value in boxes[first]) + ")"
    if not finite[first]:
        fault = "is not finite"
    elif not ordered[first]:
        fault = "has x1 < x0 or y1 < y0"
    else:
        fault = f"is outside the page of {page.width:g} × {page.height:g}"
    raise PageError(f"page {page.id}, {name(first)}: box {box} {fault}")
