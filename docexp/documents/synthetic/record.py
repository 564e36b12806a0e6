"""A drawn sheet as a ``Page``."""

import io
import random

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


def record(sheet: Sheet, key: str, boxes: Boxes, rng: random.Random, image: tuple[bytes, ImageFormat]) -> Page:
    """The page called ``key``; ``boxes [N, 4]`` are the sheet's words in the image.

    Units are stored in an order drawn from ``rng``, and lines and entities as their words are: who knows the number of
    a word, a line or an entity must not learn its column from it. ``reading_order`` has the true order.
    """
    units = list(sheet.units)
    rng.shuffle(units)
    stored = [word for unit in units for word in unit]
    place = {word: index for index, word in enumerate(stored)}
    boxes = boxes[stored]

    def moved(words: Words) -> Words:
        return tuple(place[word] for word in words)

    def entity(number: int) -> Entity:
        label, words = sheet.entities[number]
        x0, y0, x1, y1 = union(boxes[list(moved(words))]).tolist()
        return Entity(label, moved(words), (x0, y0, x1, y1), id=str(number))

    numbers = sorted(range(len(sheet.entities)), key=lambda number: place[sheet.entities[number][1][0]])
    relations = tuple(Relation(numbers.index(head), numbers.index(tail)) for head, tail in sheet.relations)
    return Page(
        id=key,
        width=sheet.width,
        height=sheet.height,
        words=tuple(sheet.words[word].text for word in stored),
        word_boxes=boxes,
        image=image[0],
        image_format=image[1],
        lines=tuple(sorted(map(moved, sheet.lines))),
        entities=tuple(map(entity, numbers)),
        relations=relations or None,
        document_class=sheet.document_class,
        reading_order=moved(tuple(range(len(sheet.words)))),
        fields={name: (value,) for name, value in sheet.fields.items()} or None,
    )
