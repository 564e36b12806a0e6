"""From a sheet to pixels: paper, shades, ticks, rules, words."""

from PIL import Image, ImageDraw

from docexp.documents.synthetic.sheet import Cell, Rect, Sheet, Word

PAPER = (250, 170, 30)
"""Grey of the page by tone: white, dark stock, a negative."""
SHADES = (45, 165, None)
"""Grey behind a cell by role, under ``image_cue=field``; the last role has none, in a section of two or of three."""

TICK = 16
"""Width of a tick box in pixels: a third of a 16-pixel patch when a form is scaled to 224 × 224."""


def draw(sheet: Sheet, image_cue: str) -> Image.Image:
    """The sheet in grey (mode ``L``), without noise."""
    paper = PAPER[sheet.tone]
    image = Image.new("L", (sheet.width, sheet.height), paper)
    pen = ImageDraw.Draw(image)
    roles = 1 + max(cell.role for cell in sheet.cells)
    for cell in sheet.cells:
        shade = background(cell, image_cue, roles)
        if shade is not None:
            pen.rectangle(_inside(cell.box), fill=shade)
    for frame in sheet.frames:
        pen.rectangle(frame, outline=ink_on(paper), width=2)
    for rule in sheet.rules:
        pen.line(rule, fill=(paper + ink_on(paper)) // 2, width=1)
    if image_cue == "tick":
        for cell in sheet.cells:
            if cell.cue == "image":
                _tick(pen, cell, roles, ink_on(paper))
    if sheet.logo is not None:
        _logo(pen, sheet, ink_on(paper))
    for word in sheet.words:
        cell = None if word.cell is None else sheet.cells[word.cell]
        shade = None if cell is None else background(cell, image_cue, roles)
        stamp_word(image, word, ink_on(paper if shade is None else shade))
    return image


def background(cell: Cell, image_cue: str, roles: int) -> int | None:
    """The grey behind a cell, or None for bare paper."""
    if cell.cue != "image" or image_cue != "field" or cell.role == roles - 1:
        return None
    return SHADES[cell.role]


def ink_on(grey: int) -> int:
    """Dark ink on light ground, light ink on dark ground."""
    return 20 if grey > 100 else 240


def stamp_word(image: Image.Image, word: Word, ink: int) -> None:
    """Draws a word; nothing outside its box changes."""
    image.paste(ink, word.box, word.ink.mask)


def _inside(box: Rect) -> Rect:
    return box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1


def _tick(pen: ImageDraw.ImageDraw, cell: Cell, roles: int, ink: int) -> None:
    """Filled for the first role, crossed for the second of three, empty for the last."""
    x, y = cell.box[0] + 6, cell.box[1] + 6
    box = (x, y, x + TICK, y + TICK)
    pen.rectangle(box, outline=ink, width=1, fill=ink if cell.role == 0 else None)
    if 0 < cell.role < roles - 1:
        pen.line(box, fill=ink, width=2)
        pen.line((x, y + TICK, x + TICK, y), fill=ink, width=2)


def _logo(pen: ImageDraw.ImageDraw, sheet: Sheet, ink: int) -> None:
    left, top, *_ = sheet.words[0].box
    box = (left - 58, top, left - 14, top + 44)
    if sheet.logo == 0:
        pen.ellipse(box, outline=ink, width=5)
    elif sheet.logo == 1:
        pen.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) // 2, box[1])], outline=ink, width=5)
    elif sheet.logo == 2:
        pen.rectangle(box, outline=ink, width=5)
    else:
        for step in range(3):
            pen.rectangle((box[0] + 16 * step, box[1], box[0] + 16 * step + 8, box[3]), fill=ink)
