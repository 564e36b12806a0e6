"""Forms: a title, sections of three columns, a footer. Each row holds a header, a question and its answer."""

import random
from collections.abc import Sequence
from itertools import pairwise

from docexp.documents.synthetic.content import ROLES, TITLES, company, phrase
from docexp.documents.synthetic.cues import Section
from docexp.documents.synthetic.glyphs import Font
from docexp.documents.synthetic.sheet import TICK_ROOM, Sheet

WIDTH, HEIGHT = 680, 880  # letter paper at 80 dpi
SECTIONS = 4
KINDS = tuple(sorted(TITLES))
ROW, COLUMN = 48, 202  # at 224 × 224 a section's column covers 4 × 2 patches of 16


def layout_form(rng: random.Random, sections: Sequence[Section], tone: int, empty: float = 0.0) -> Sheet:
    """One form. What ``rng`` draws does not depend on the turn of an image-cued section.

    ``empty`` is the share of cells that hold no words, 0..1. It is drawn for each cell whatever its role, so that an
    empty cell tells nothing of its column's.
    """
    kind = rng.choice(KINDS)
    sheet = Sheet(WIDTH, HEIGHT, tone=tone, logo=KINDS.index(kind), document_class=kind)
    face = rng.choice(("DejaVuSans", "DejaVuSerif"))
    left, top = 30 + rng.randrange(12), 24 + rng.randrange(16)
    _head(sheet, rng, kind, left, top)
    top += 86
    font = Font(face, rng.choice((12, 13)))
    for section, rows in zip(sections, rng.sample((3, 3, 3, 4), SECTIONS), strict=True):
        _section(sheet, rng, section, place=(left, top, rows), font=font, empty=empty)
        top += rows * ROW + 12 + rng.randrange(10)
    small = Font("DejaVuSans", 10)
    sheet.rules.append((left, HEIGHT - 34, left + 3 * COLUMN, HEIGHT - 34))
    sheet.furniture("Signed by the undersigned", left, HEIGHT - 28, small)
    sheet.furniture(f"Page 1 of {rng.randint(1, 4)}", left + 3 * COLUMN - 70, HEIGHT - 28, small)
    return sheet


def _head(sheet: Sheet, rng: random.Random, kind: str, left: int, top: int) -> None:
    title, instruction = TITLES[kind]
    sheet.furniture(" ".join(company(rng)), left + 60, top, Font("DejaVuSans-Bold", 11))
    sheet.furniture(f"No. {rng.randint(1000, 9999)}", left + 3 * COLUMN - 80, top + 4, Font("DejaVuSansMono", 11))
    sheet.furniture(title, left + 60, top + 18, Font("DejaVuSans-Bold", 19))
    sheet.furniture(instruction, left + 60, top + 48, Font("DejaVuSans", 10))
    sheet.rules.append((left, top + 70, left + 3 * COLUMN, top + 70))


def _section(
    sheet: Sheet, rng: random.Random, section: Section, *, place: tuple[int, int, int], font: Font, empty: float
) -> None:
    left, top, rows = place
    sheet.frames.append((left, top, left + 3 * COLUMN, top + rows * ROW))
    for x in (left + COLUMN, left + 2 * COLUMN):
        sheet.rules.append((x, top, x, top + rows * ROW))
    for row in range(rows):
        by_role: dict[int, int] = {}
        y = top + row * ROW
        if row:
            sheet.rules.append((left, y, left + 3 * COLUMN, y))
        for column in range(3):
            role = (column + section.turn) % 3
            x = left + column * COLUMN
            cell = sheet.cell((x, y, x + COLUMN, y + ROW), role, section.cue)
            texts = phrase(rng, ROLES[role] if section.cue == "text" else section.cue)
            text_x, text_y = x + TICK_ROOM + rng.randrange(2, 12), y + rng.randrange(5, 9)
            if empty and rng.random() < empty:  # no draw where no cell can be: those forms stay what they were
                continue
            words = sheet.write(texts, text_x, text_y, font, right=x + COLUMN - 4, cell=cell)
            sheet.units.append(words)
            by_role[role] = sheet.entity(ROLES[role], words)
        linked = pairwise(range(len(ROLES)))
        sheet.relations += [(by_role[a], by_role[b]) for a, b in linked if a in by_role and b in by_role]
