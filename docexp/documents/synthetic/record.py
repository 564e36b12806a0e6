"""A drawn sheet as a ``Page``."""

import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from docexp.documents.geometry import Boxes, union
from docexp.documents.page import Entity, ImageFormat, Page, Relation
from docexp.documents.synthetic.sheet import Sheet, Words


def encode(image: Image.Image, noisy: bool) -> tuple[bytes, ImageFormat]:
    """The grey image as a file: PNG, exact and small, where it is flat; JPEG where noise makes PNG large and slow."""
    data = io.BytesIO()
    if noisy:
        image.save(data, "JPEG", quality=85)
        return data.getvalue(), "jpg"
    image.save(data, "PNG", compress_level=1)
    return data.getvalue(), "png"


@dataclass(frozen=True)
class Placed:
    """A sheet's words as a page stores them: ``order`` names them, ``boxes [N, 4]`` are those of all the sheet's words.

    Words that ``order`` does not name are not stored.
    """

    sheet: Sheet
    order: Sequence[int]
    boxes: Boxes

    @cached_property
    def places(self) -> dict[int, int]:
        """The index on the page of each word that is stored."""
        return {word: index for index, word in enumerate(self.order)}

    def moved(self, words: Sequence[int]) -> Words:
        """The sheet's words by their indices on the page."""
        return tuple(self.places[word] for word in words if word in self.places)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The index on the page of each of the sheet's entities: they are stored as their first words are."""
        entities = self.sheet.entities
        first = [self.places.get(words[0], -1) if words else -1 for _, words in entities]
        return {number: index for index, number in enumerate(sorted(range(len(entities)), key=first.__getitem__))}

    def entities(self, own: Mapping[int, tuple[float, float, float, float]] | None = None) -> tuple[Entity, ...]:
        """The page's entities, each in a box around its words or in its ``own``, given by its number on the sheet."""
        return tuple(self._entity(number, own or {}) for number in self.numbers)

    def _entity(self, number: int, own: Mapping[int, tuple[float, float, float, float]]) -> Entity:
        label, words = self.sheet.entities[number]
        x0, y0, x1, y1 = own[number] if number in own else union(self.boxes[list(words)]).tolist()
        return Entity(label, self.moved(words), (x0, y0, x1, y1), id=str(number))


def record(sheet: Sheet, key: str, boxes: Boxes, rng: random.Random, image: tuple[bytes, ImageFormat]) -> Page:
    """The page called ``key``; ``boxes [N, 4]`` are the sheet's words in the image.

    Units are stored in an order drawn from ``rng``, and lines and entities as their words are: who knows the number of
    a word, a line or an entity must not learn its column from it. ``reading_order`` has the true order.
    """
    units = list(sheet.units)
    rng.shuffle(units)
    stored = [word for unit in units for word in unit]
    placed = Placed(sheet, stored, boxes)
    relations = tuple(Relation(placed.numbers[head], placed.numbers[tail]) for head, tail in sheet.relations)
    return Page(
        id=key,
        width=sheet.width,
        height=sheet.height,
        words=tuple(sheet.words[word].text for word in stored),
        word_boxes=boxes[stored],
        image=image[0],
        image_format=image[1],
        lines=tuple(sorted(map(placed.moved, sheet.lines))),
        entities=placed.entities(),
        relations=relations or None,
        document_class=sheet.document_class,
        reading_order=placed.moved(range(len(sheet.words))),
        fields={name: (value,) for name, value in sheet.fields.items()} or None,
    )
