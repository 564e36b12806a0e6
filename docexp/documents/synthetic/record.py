"""A drawn sheet as a ``Page``."""

import io
import random

from PIL import Image

from docexp.documents.geometry import Boxes, union
from docexp.documents.page import Entity, ImageFormat, Page, Relation
from docexp.documents.synthetic.sheet import Sheet, Words


def encode(image: Image.Image, noisy: bool) -> tuple[bytes, ImageFormat]:
    """The grey image as a file: PNG where it is flat, exact and small; JPEG where noise would make PNG large and slow."""
    data = io.BytesIO()
    if noisy:
        image.save(data, "JPEG", quality=85)
        return data.getvalue(), "jpg"
    image.save(data, "PNG", compress_level=1)
    return data.getvalue(), "png"


def record(sheet: Sheet, key: str, boxes: Boxes, rng: random.Random, image: tuple[bytes, ImageFormat]) -> Page:
    """The page called ``key``; ``boxes [N, 4]`` are the sheet's words in the image.

    The units of the sheet are stored in an order drawn from ``rng``, words within a unit as they are read: a model that
    knows a word's number in the page must not learn its column from it. ``reading_order`` has the true order.
    """
    units = list(sheet.units)
    rng.shuffle(units)
    stored = [word for unit in units for word in unit]
    place = {word: index for index, word in enumerate(stored)}
    boxes = boxes[stored]

    def moved(words: Words) -> Words:
        return tuple(place[word] for word in words)

    def entity(label: str, words: Words, number: int) -> Entity:
        x0, y0, x1, y1 = union(boxes[list(words)]).tolist()
        return Entity(label, words, (x0, y0, x1, y1), id=str(number))

    return Page(
        id=key,
        width=sheet.width,
        height=sheet.height,
        words=tuple(sheet.words[word].text for word in stored),
        word_boxes=boxes,
        image=image[0],
        image_format=image[1],
        lines=tuple(map(moved, sheet.lines)),
        entities=tuple(entity(label, moved(words), number) for number, (label, words) in enumerate(sheet.entities)),
        relations=tuple(Relation(*link) for link in sheet.relations) or None,
        document_class=sheet.document_class,
        reading_order=moved(tuple(range(len(sheet.words)))),
        fields={name: (value,) for name, value in sheet.fields.items()} or None,
    )
