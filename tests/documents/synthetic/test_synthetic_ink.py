"""Word boxes are exact: all of a word's ink lies inside its box and reaches its four sides."""

import dataclasses
import random

import numpy as np
import pytest
from PIL import Image

from docexp.documents.geometry import as_boxes
from docexp.documents.images import decode
from docexp.documents.synthetic import form, receipt
from docexp.documents.synthetic.corpus import Synthetic, SyntheticForms, SyntheticReceipts
from docexp.documents.synthetic.cues import IMAGE_CUES, Section
from docexp.documents.synthetic.draw import draw
from docexp.documents.synthetic.noise import rotate
from docexp.documents.synthetic.sheet import Sheet


def _sheets() -> list[tuple[Sheet, str]]:
    cases = []
    for number, image_cue in enumerate(IMAGE_CUES):
        sections = [Section("image", 1), Section("text", 2), Section("image", 2), Section("layout", 0)]
        tone = number if image_cue == "page" else 0
        cases.append((form.layout_form(random.Random(f"form {number}"), sections, tone), image_cue))
        sections = [Section("image", 1), Section("text", 0), Section("layout", 0)]
        cases.append((receipt.layout_receipt(random.Random(f"receipt {number}"), sections, tone), image_cue))
    return cases


@pytest.mark.parametrize(("sheet", "image_cue"), _sheets())
def test_taking_a_word_away_changes_its_box_and_no_more(sheet: Sheet, image_cue: str) -> None:
    whole = np.asarray(draw(sheet, image_cue))
    for number, word in enumerate(sheet.words):
        without = dataclasses.replace(sheet, words=sheet.words[:number] + sheet.words[number + 1 :])
        if number == 0:  # the logo stands beside the first word
            without = dataclasses.replace(without, logo=None)
            whole_here = np.asarray(draw(dataclasses.replace(sheet, logo=None), image_cue))
        else:
            whole_here = whole
        changed = np.argwhere(whole_here != np.asarray(draw(without, image_cue)))
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
        assert (left, top, right, bottom) == word.box, word.text


@pytest.mark.parametrize("image_cue", IMAGE_CUES)
@pytest.mark.parametrize("kind", [SyntheticForms, SyntheticReceipts])
def test_boxes_of_a_page_hold_the_ink_of_its_image(kind: type[Synthetic], image_cue: str) -> None:
    """Seen from outside: around each box a ring of bare ground, in each of its outermost rows and columns ink."""
    reader = kind(noise="none", image_cue=image_cue)
    for number in range(3):
        page = reader.page("test", number)
        grey = np.asarray(decode(page).convert("L"), dtype=int)
        for word, box in zip(page.words, page.word_boxes.astype(int), strict=True):
            x0, y0, x1, y1 = box
            patch = grey[y0 - 1 : y1 + 1, x0 - 1 : x1 + 1]
            ground = patch[0, 0]
            ring = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
            assert (ring == ground).all(), f"{page.id}: {word} at {box} leaves its box"
            ink = patch[1:-1, 1:-1] != ground
            assert ink[0].any(), word
            assert ink[-1].any(), word
            assert ink[:, 0].any(), word
            assert ink[:, -1].any(), word


@pytest.mark.parametrize("degrees", [-0.8, 0.37, 0.8])
def test_boxes_turn_with_the_page(degrees: float) -> None:
    boxes = as_boxes([[30, 40, 130, 52], [500, 800, 590, 811], [300, 20, 304, 30]])
    for box in boxes:
        image = Image.new("L", (600, 850), 250)
        image.paste(10, tuple(int(edge) for edge in box))
        turned, (moved,) = rotate(image, as_boxes(box), degrees)
        ink = np.argwhere(np.asarray(turned) < 130)  # at least half a pixel of ink
        seen = np.array([ink[:, 1].min(), ink[:, 0].min(), ink[:, 1].max() + 1, ink[:, 0].max() + 1])
        assert np.abs(seen - moved).max() <= 1.0
    corner = rotate(Image.new("L", (600, 850), 30), boxes, degrees)[0]
    assert corner.getextrema() == (30, 30), "the corners are filled with the page's own paper"


def test_a_heavy_scan_keeps_words_in_their_boxes() -> None:
    """The darkest pixels of a scanned page of bare words lie inside the boxes of its words, lines or rules."""
    reader = SyntheticForms(noise="heavy", cue="text")
    for number in range(3):
        page = reader.page("train", number)
        grey = np.asarray(decode(page).convert("L"), dtype=int)
        for word, (x0, y0, x1, y1) in zip(page.words, page.word_boxes, strict=True):
            inside = grey[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
            around = grey[int(y0) - 3 : int(y1) + 4, int(x0) - 3 : int(x1) + 4]
            assert inside.min() < 110, f"{page.id}: no ink under {word}"
            dark = np.argwhere(around < np.median(around) - 120)
            height, width = around.shape
            outside = (dark < 2).any(axis=1) | (dark[:, 0] > height - 3) | (dark[:, 1] > width - 3)
            assert outside.sum() <= 2, f"{page.id}: {word} has ink beside its box"  # a speck or two
