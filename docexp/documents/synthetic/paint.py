"""From a leaf to pixels: bands, figures, rules, words."""

import math
import random

from PIL import Image, ImageDraw

from docexp.documents.synthetic.draw import PAPER, ink_on, stamp_word
from docexp.documents.synthetic.leaf import Figure, Leaf
from docexp.documents.synthetic.sheet import Rect

BAND = 226
"""Grey behind every other row of a banded table."""


def paint(leaf: Leaf) -> Image.Image:
    """The leaf in grey (mode ``L``), without noise. Boxes are half open: their last pixel is not drawn."""
    paper = PAPER[0]
    image = Image.new("L", (leaf.width, leaf.height), paper)
    pen = ImageDraw.Draw(image)
    for x0, y0, x1, y1 in leaf.bands:
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=BAND)
    for figure in leaf.figures:
        _figure(image, figure)
    for x0, y0, x1, y1 in leaf.rules:
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=ink_on(paper))
    for word in leaf.words:
        stamp_word(image, word, ink_on(paper))
    return image


def _figure(image: Image.Image, figure: Figure) -> None:
    """A framed picture: bars, a curve, dots, or a grey landscape in place of a photograph."""
    x0, y0, x1, y1 = figure.box
    rng = random.Random(figure.seed)
    inner = (x0 + 8, y0 + 8, x1 - 8, y1 - 8)
    draw = rng.choice((_bars, _curve, _dots, _landscape))
    if draw is _landscape:
        inner = (x0 + 1, y0 + 1, x1 - 1, y1 - 1)
    draw(image, inner, rng)
    ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), outline=20)


def _bars(image: Image.Image, box: Rect, rng: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    x0, y0, x1, y1 = box
    count = rng.randint(4, 9)
    step = (x1 - x0) / count
    for number in range(count):
        top = y0 + rng.random() * 0.8 * (y1 - y0)
        left = round(x0 + number * step)
        pen.rectangle((left, round(top), left + round(0.6 * step), y1 - 1), fill=rng.choice((60, 120, 180)))
    pen.line((x0, y1 - 1, x1 - 1, y1 - 1), fill=20)


def _curve(image: Image.Image, box: Rect, rng: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    x0, y0, x1, y1 = box
    for grey in (20, 130):
        turns, shift = rng.uniform(0.5, 2.5), rng.uniform(0, math.tau)
        points = [
            (
                x0 + i / 40 * (x1 - x0 - 1),
                y0 + (y1 - y0 - 1) * (0.5 + 0.45 * math.sin(shift + turns * math.tau * i / 40)),
            )
            for i in range(41)
        ]
        pen.line(points, fill=grey, width=2)
    pen.line((x0, y0, x0, y1 - 1, x1 - 1, y1 - 1), fill=20)


def _dots(image: Image.Image, box: Rect, rng: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    x0, y0, x1, y1 = box
    for _ in range(rng.randint(20, 60)):
        x, y = rng.randint(x0 + 2, x1 - 5), rng.randint(y0 + 2, y1 - 5)
        pen.ellipse((x, y, x + 3, y + 3), fill=rng.choice((20, 120)))
    pen.line((x0, y0, x0, y1 - 1, x1 - 1, y1 - 1), fill=20)


def _landscape(image: Image.Image, box: Rect, rng: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    x0, y0, x1, y1 = box
    sky = Image.linear_gradient("L").resize((x1 - x0, y1 - y0)).point([110 + grey // 3 for grey in range(256)])
    image.paste(sky, box)
    for grey in (110, 80, 50):
        left, right = rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8)
        height = y1 - y0
        ground = [(x0, y0 + left * height), (x1 - 1, y0 + right * height), (x1 - 1, y1 - 1), (x0, y1 - 1)]
        pen.polygon(ground, fill=grey)
