"""The page: the only in-memory record of a document page and what is annotated on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, Self

from docexp.documents.geometry import Boxes, as_boxes, first_fault
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
    ``document_tags`` are any number of labels of the document as a whole, ``document_class`` is the one class it is of.
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
    document_tags: tuple[str, ...] | None = None
    questions: tuple[Question, ...] | None = None
    regions: tuple[Region, ...] | None = None
    reading_order: tuple[int, ...] | None = None
    fields: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        boxes = _boxes(self.word_boxes, f"page {self.id}: word_boxes")
        boxes.setflags(write=False)
        object.__setattr__(self, "word_boxes", boxes)
        object.__setattr__(self, "document_id", self.document_id or self.id)
        _validate(self)

    @property
    def annotations(self) -> frozenset[str]:
        """The names of the annotation kinds this page carries."""
        return frozenset(name for name in ANNOTATION_KINDS if getattr(self, name) is not None)

    @property
    def blank(self) -> list[bool]:
        """For each word whether it has no visible text; such a word is no input of any model."""
        return [not word.strip() for word in self.words]

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
        """The inverse of ``to_json``.

        Raises:
            PageError: a key is missing or unknown (it would be lost), or a value is not of its kind.
        """
        values = dict(record)
        try:
            for name, read in _READ.items():
                if values.get(name) is not None:
                    values[name] = read(values[name])
            return cls(**values, image=image, image_format=image_format)
        except (TypeError, AttributeError) as error:
            raise PageError(f"page {record.get('id', '?')}: not a page record: {error}") from None


ANNOTATION_KINDS = (
    "entities",
    "relations",
    "document_class",
    "document_tags",
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
    if not isinstance(value, list):
        return value
    return tuple([_frozen(item) if isinstance(item, list) else item for item in value])


def _records(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    def read(rows: Any) -> tuple[Any, ...]:
        return tuple(
            [kind(**{k: _frozen(item) if isinstance(item, list) else item for k, item in row.items()}) for row in rows]
        )

    return read


_READ: dict[str, Callable[[Any], Any]] = {
    "words": tuple,
    "lines": _frozen,
    "entities": _records(Entity),
    "relations": _records(Relation),
    "document_tags": tuple,
    "questions": _records(Question),
    "regions": _records(Region),
    "reading_order": tuple,
    "fields": lambda value: {key: tuple(item) for key, item in value.items()},
}


def _validate(page: Page) -> None:
    where = f"page {page.id}"
    if not page.id:
        raise PageError("a page without an id")
    if not (0 < page.width < math.inf and 0 < page.height < math.inf):
        raise PageError(f"{where}: size {page.width} × {page.height} is not positive")
    if page.image_format not in IMAGE_FORMATS:
        raise PageError(f"{where}: image format {page.image_format!r} is none of {', '.join(IMAGE_FORMATS)}")
    if len(page.words) != len(page.word_boxes):
        raise PageError(f"{where}: {len(page.words)} words but {len(page.word_boxes)} boxes")
    if set(map(type, page.words)) - {str}:
        number = next(i for i, word in enumerate(page.words) if not isinstance(word, str))
        raise PageError(f"{where}, word {number}: {page.words[number]!r} is not text")
    _check_boxes(page, page.word_boxes, lambda i: f"word {i} {page.words[i]!r}")
    if page.lines is not None:
        _check_distinct(list(chain.from_iterable(page.lines)), len(page.words), f"{where}: lines")
    if page.reading_order is not None:
        _check_distinct(page.reading_order, len(page.words), f"{where}: reading_order")
    tags = page.document_tags or ()
    if len(set(tags)) < len(tags) or not all(isinstance(tag, str) and tag for tag in tags):
        raise PageError(f"{where}: document_tags {list(tags)} are to be texts, each once")
    _validate_entities(page, where)
    _validate_regions(page, where)


def _validate_entities(page: Page, where: str) -> None:
    entities = page.entities or ()
    for number, entity in enumerate(entities):
        if len(entity.words) > 1 or (entity.words and not 0 <= entity.words[0] < len(page.words)):
            _check_distinct(entity.words, len(page.words), f"{where}, entity {number} ({entity.label})")
    boxes = _boxes([entity.box for entity in entities], f"{where}: entities")
    _check_boxes(page, boxes, lambda i: f"entity {i} ({entities[i].label})")
    for number, relation in enumerate(page.relations or ()):
        if not (0 <= relation.head < len(entities) and 0 <= relation.tail < len(entities)):
            raise PageError(
                f"{where}, relation {number}: {relation.head} → {relation.tail} names an entity that is not there"
            )


def _validate_regions(page: Page, where: str) -> None:
    regions = page.regions or ()
    boxes = _boxes([region.box for region in regions], f"{where}: regions")
    _check_boxes(page, boxes, lambda i: f"region {i} ({regions[i].label})")
    for number, region in enumerate(regions):
        if not 0 <= region.area < math.inf:
            raise PageError(f"{where}, region {number} ({region.label}): area {region.area} is not 0 or more")
        for polygon in region.polygons:
            if len(polygon) < 6 or len(polygon) % 2 or not all(map(math.isfinite, polygon)):
                raise PageError(
                    f"{where}, region {number} ({region.label}): a polygon needs 3 or more finite points, x and y"
                )


def _check_distinct(indices: Sequence[int], count: int, where: str) -> None:
    if not indices:
        return
    if len(set(indices)) != len(indices):
        raise PageError(f"{where}: a word index occurs twice in {_some(indices)}")
    if min(indices) < 0 or max(indices) >= count:
        raise PageError(f"{where}: a word index of {_some(indices)} is not below {count}, the number of words")


def _some(indices: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, indices[:8])) + (", …)" if len(indices) > 8 else ")")


def _boxes(values: Any, where: str) -> Boxes:
    try:
        return as_boxes(values)
    except ValueError as error:
        raise PageError(f"{where}: {error}") from None


def _check_boxes(page: Page, boxes: Boxes, name: Callable[[int], str]) -> None:
    fault = first_fault(boxes, page.width, page.height)
    if fault:
        raise PageError(f"page {page.id}, {name(fault[0])}: {fault[1]}")
