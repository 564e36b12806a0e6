"""Receipts: two parties, dates and amounts side by side; one of each pair is the asked one. Goods between."""

import random
from collections.abc import Sequence

from docexp.documents.synthetic.content import GOODS, KEYS, address, company, pool
from docexp.documents.synthetic.cues import Section
from docexp.documents.synthetic.glyphs import Font
from docexp.documents.synthetic.sheet import TICK_ROOM, Sheet, Words

WIDTH, HEIGHT = 600, 900
SECTIONS = ("party", "date", "amount")
FIELDS = ("company", "address", "date", "total")
COLUMN = 264


def layout_receipt(rng: random.Random, sections: Sequence[Section], tone: int) -> Sheet:
    """One receipt. What ``rng`` draws does not depend on the turn of an image-cued section."""
    sheet = Sheet(WIDTH, HEIGHT, tone=tone, document_class="receipt")
    font = Font(rng.choice(("DejaVuSansMono", "DejaVuSans")), 13)
    left, top = 30 + rng.randrange(12), 30 + rng.randrange(16)
    sheet.centre("RECEIPT", top, Font("DejaVuSans-Bold", 24))
    sheet.centre(f"No. {rng.randint(1000, 9999)} copy", top + 36, Font("DejaVuSansMono", 11))
    _pair(sheet, rng, "party", sections[0], place=(left, top + 66, 118), font=font)
    _pair(sheet, rng, "date", sections[1], place=(left, top + 196, 92), font=font)
    top = _goods(sheet, rng, left, top + 308, font)
    _pair(sheet, rng, "amount", sections[2], place=(left, top, 92), font=font)
    sheet.rules.append((left, HEIGHT - 60, left + 2 * COLUMN, HEIGHT - 60))
    sheet.centre("Thank you for shopping", HEIGHT - 48, Font("DejaVuSans", 11))
    return sheet


def _pair(
    sheet: Sheet, rng: random.Random, kind: str, section: Section, *, place: tuple[int, int, int], font: Font
) -> None:
    """Lays out two cells side by side, from ``place``: left, top, height."""
    left, top, height = place
    sheet.frames.append((left, top, left + 2 * COLUMN, top + height))
    for column, values in enumerate(_two(rng, kind)):
        role = (column + section.turn) % 2
        x = left + column * COLUMN
        cell = sheet.cell((x, top, x + COLUMN, top + height), role, section.cue)
        x += TICK_ROOM + rng.randrange(2, 12)
        y = top + rng.randrange(8, 14)
        key = sheet.write([KEYS[section.cue][kind][role]], x, y, font, cell=cell)
        sheet.entity("other", key)
        unit = key
        y += 4
        for name, lines in values.items():
            words: Words = ()
            for line in lines:
                y += font.leading
                words += sheet.write(line, x, y, font, cell=cell)
            unit += words
            sheet.entity(name if role == 0 else "other", words)
            if role == 0:
                sheet.fields[name] = " ".join(sheet.words[word].text for word in words)
        sheet.units.append(unit)


def _two(rng: random.Random, kind: str) -> list[dict[str, list[list[str]]]]:
    """Two different sets of values for a section: the lines of each field, by its name."""
    if kind == "date":
        return [{"date": [[value]]} for value in rng.sample(pool().dates, 2)]
    if kind == "amount":
        return [{"total": [[value]]} for value in rng.sample(pool().amounts, 2)]
    return [{"company": [company(rng)], "address": address(rng)} for _ in range(2)]


def _goods(sheet: Sheet, rng: random.Random, left: int, top: int, font: Font) -> int:
    """The list of goods; the height below it."""
    sheet.rules.append((left, top, left + 2 * COLUMN, top))
    y = top + 8
    for name in rng.sample(GOODS, rng.randint(5, 9)):
        count = sheet.write([str(rng.randint(1, 9))], left + 12, y, font)
        goods = sheet.write([name], left + 70, y, font)
        price = sheet.write([f"{rng.randint(50, 2000) / 100:.2f}"], left + 2 * COLUMN - 90, y, font)
        sheet.entity("other", count + goods + price)
        sheet.units.append(count + goods + price)
        y += font.leading + 10
    sheet.rules.append((left, y + 4, left + 2 * COLUMN, y + 4))
    return y + 24
