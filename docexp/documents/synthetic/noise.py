"""What a scanner does to a page: uneven light, specks, blur, a slight turn. Boxes turn with the page."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from docexp.documents.geometry import Boxes


@dataclass(frozen=True)
class Scanner:
    """How bad a scanner is. Greys are of 0..255, ``specks`` a share of all pixels, ``turn`` in degrees either way."""

    shadow: float
    specks: float
    blur: float = 0.0
    turn: float = 0.0


SCANNERS = {
    "none": None,
    "light": Scanner(shadow=8, specks=0.0003),
    "heavy": Scanner(shadow=20, specks=0.001, blur=0.6, turn=0.8),
}


def scan(image: Image.Image, boxes: Boxes, scanner: Scanner, rng: np.random.Generator) -> tuple[Image.Image, Boxes]:
    """The page as scanned, and the boxes ``[N, 4]`` around the turned words.

    A turned word's box is the upright box around its turned one: it holds all ink and is taller than the ink by at
    most 1.4 % of the word's length. Blur spreads ink by about a pixel; boxes are those of the sharp page.
    """
    if scanner.turn:
        image, boxes = rotate(image, boxes, rng.uniform(-scanner.turn, scanner.turn))
    if scanner.blur:
        image = image.filter(ImageFilter.GaussianBlur(scanner.blur))
    grey = np.asarray(image, dtype=np.int16)
    height, width = grey.shape
    across, down = rng.uniform(-scanner.shadow, scanner.shadow, 2)
    light = np.linspace(0, across, width)[None, :] + np.linspace(0, down, height)[:, None]
    grey = np.clip(grey + light.astype(np.int16), 0, 255).astype(np.uint8)
    count = int(scanner.specks * grey.size)
    grey[rng.integers(0, height, count), rng.integers(0, width, count)] = rng.integers(0, 256, count)
    return Image.fromarray(grey), boxes


def rotate(image: Image.Image, boxes: Boxes, degrees: float) -> tuple[Image.Image, Boxes]:
    """The image turned clockwise about its middle, its corners filled with paper, and ``boxes [N, 4]`` turned along."""
    turned = image.rotate(-degrees, resample=Image.Resampling.BILINEAR, fillcolor=image.getpixel((0, 0)))
    angle = math.radians(degrees)
    centre = np.array([image.width / 2, image.height / 2])
    corners = np.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], axis=1) - centre
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners = corners @ matrix + centre
    return turned, np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
