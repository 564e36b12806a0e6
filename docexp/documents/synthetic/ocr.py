"""What an OCR engine gets wrong, done to a page: characters, splits, merges, drops, lines out of order.

A step of its own: it takes any page and gives one whose words, boxes and lines are the noisy ones, with every
annotation carried over. Gold texts (answers, fields) stay what the image says.
"""

import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docexp.documents.geometry import as_boxes, union
from docexp.documents.page import Page
from docexp.documents.readers.reader import Report

LOOKALIKES = (
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("d", "cl"),
    ("vv", "w"),
    ("w", "vv"),
    ("ri", "n"),
    ("li", "h"),
    ("0", "O"),
    ("O", "0"),
    ("1", "l"),
    ("l", "1"),
    ("I", "l"),
    ("5", "S"),
    ("S", "5"),
    ("8", "B"),
    ("B", "8"),
    ("6", "b"),
    ("2", "Z"),
    ("e", "c"),
    ("c", "e"),
    ("h", "b"),
    ("t", "f"),
    ("u", "ii"),
    (",", "."),
    (".", ","),
    ("ο", "o"),
    ("α", "a"),
    ("ν", "v"),
    ("о", "o"),
    ("е", "e"),
    ("р", "p"),
    ("с", "c"),
    ("ш", "щ"),
    ("и", "й"),
)
"""Print and what it is taken for; the last ones are Greek and Cyrillic letters. Chosen by eye, not from a study."""


@dataclass(frozen=True)
class OcrNoise:
    """Shares: of words with a misread character, split in two, merged with the next, dropped; of lines moved."""

    misread: float = 0.0
    split: float = 0.0
    merged: float = 0.0
    dropped: float = 0.0
    moved: float = 0.0

    @property
    def any(self) -> bool:
        """Whether anything is done at all."""
        return any(dataclasses.astuple(self))


@dataclass(frozen=True)
class Token:
    """A word of the noisy page: its text, its box, and the words of the clean page that it came from."""

    text: str
    box: tuple[float, float, float, float]
    sources: tuple[int, ...]


def add_ocr_noise(page: Page, noise: OcrNoise, rng: random.Random, report: Report) -> Page:
    """The page as an OCR engine with these faults gives it; ``report`` counts them.

    A split word's box is split in proportion to its characters. Two words are merged where they follow each other on
    a line and in the reading order and belong to the same entities, so that no word falls to two labels. A moved line
    is stored elsewhere among the lines. Annotations name the new words: an entity may lose some or all of them, while
    its box and the regions stay. What else was annotated is as before.
    """
    if not noise.any:
        return page
    tokens = [
        Token(word, (x0, y0, x1, y1), (number,))
        for number, (word, (x0, y0, x1, y1)) in enumerate(zip(page.words, page.word_boxes.tolist(), strict=True))
    ]
    done: dict[str, int] = {}
    tokens = list(_misread(tokens, noise.misread, rng, done))
    tokens = list(_split(tokens, noise.split, rng, done))
    tokens = list(_merged(tokens, _partners(page), noise.merged, rng, done))
    kept = [token for token in tokens if rng.random() >= noise.dropped]
    done["dropped"] = len(tokens) - len(kept)
    kept = _moved(kept, page.lines or (), noise.moved, rng, done)
    _count(report, done)
    return _carried(page, kept)


def misread(text: str, rng: random.Random) -> str:
    """Another text: one character taken for a look-alike; where it has none, one lost, or a speck read as a stop."""
    places = [
        (place, print_, read)
        for print_, read in LOOKALIKES
        for place in range(len(text))
        if text.startswith(print_, place)
    ]
    if places:
        place, print_, read = rng.choice(places)
        return text[:place] + read + text[place + len(print_) :]
    if len(text) < 2:
        return text + "."
    place = rng.randrange(len(text))
    return text[:place] + text[place + 1 :]


def _misread(tokens: Sequence[Token], rate: float, rng: random.Random, done: dict[str, int]) -> Iterator[Token]:
    for token in tokens:
        text = misread(token.text, rng) if rng.random() < rate else token.text
        done["misread"] = done.get("misread", 0) + (text != token.text)
        yield dataclasses.replace(token, text=text) if text != token.text else token


def _split(tokens: Sequence[Token], rate: float, rng: random.Random, done: dict[str, int]) -> Iterator[Token]:
    for token in tokens:
        if len(token.text) < 2 or rng.random() >= rate:
            yield token
            continue
        cut = rng.randrange(1, len(token.text))
        x0, y0, x1, y1 = token.box
        x = x0 + (x1 - x0) * cut / len(token.text)
        done["split"] = done.get("split", 0) + 1
        yield Token(token.text[:cut], (x0, y0, x, y1), token.sources)
        yield Token(token.text[cut:], (x, y0, x1, y1), token.sources)


def _partners(page: Page) -> dict[int, int]:
    """For each word the next one of its line, where the two can be merged."""
    within: dict[int, set[int]] = {}
    for number, entity in enumerate(page.entities or ()):
        for word in entity.words:
            within.setdefault(word, set()).add(number)
    order = page.reading_order
    follows = None if order is None else set(itertools.pairwise(order))
    return {
        word: after
        for line in page.lines or ()
        for word, after in itertools.pairwise(line)
        if within.get(word) == within.get(after) and (follows is None or (word, after) in follows)
    }


def _merged(
    tokens: Sequence[Token], partners: dict[int, int], rate: float, rng: random.Random, done: dict[str, int]
) -> Iterator[Token]:
    """Merges a word's last piece with the first of its partner; a word takes part in one merge at most."""
    first = {token.sources[0]: number for number, token in reversed(list(enumerate(tokens)))}
    last = {token.sources[0]: number for number, token in enumerate(tokens)}
    joined: dict[int, int] = {}
    for word, after in partners.items():
        ends = last[word], first[after]
        if rng.random() < rate and not {*ends} & {*joined, *joined.values()}:
            joined[ends[0]] = ends[1]
    done["merged"] = len(joined)
    gone = set(joined.values())
    for number, token in enumerate(tokens):
        if number in joined:
            other = tokens[joined[number]]
            x0, y0, x1, y1 = union(as_boxes([token.box, other.box])).tolist()
            yield Token(token.text + other.text, (x0, y0, x1, y1), token.sources + other.sources)
        elif number not in gone:
            yield token


def _moved(
    tokens: list[Token], lines: Sequence[Sequence[int]], rate: float, rng: random.Random, done: dict[str, int]
) -> list[Token]:
    """Takes some lines out and puts each, whole, before another line's first word."""
    line_of = {word: number for number, line in enumerate(lines) for word in line}
    chosen = {number for number in range(len(lines)) if rng.random() < rate} if len(lines) > 1 else set()
    done["moved"] = len(chosen)
    if not chosen:
        return tokens
    pulled: dict[int, list[Token]] = {number: [] for number in chosen}
    left: list[Token] = []
    for token in tokens:
        pulled.get(line_of.get(token.sources[0], -1), left).append(token)
    targets = [number for number in range(len(lines)) if number not in chosen] or [-1]
    before: dict[int, list[Token]] = {}
    for number in sorted(chosen):
        before.setdefault(rng.choice(targets), []).extend(pulled[number])
    stored: list[Token] = []
    for token in left:
        stored += before.pop(line_of.get(token.sources[0], -1), [])
        stored.append(token)
    return stored + [token for tokens in before.values() for token in tokens]


def _carried(page: Page, tokens: Sequence[Token]) -> Page:
    """The page with these words, in this order, and its annotations by their numbers."""
    became: dict[int, list[int]] = {}
    for number, token in enumerate(tokens):
        for word in token.sources:
            became.setdefault(word, []).append(number)
    for pieces in became.values():  # the halves of a split word stand in order, wherever they are stored
        pieces.sort(key=lambda number: tokens[number].box[0])

    def carried(words: Sequence[int]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(number for word in words for number in became.get(word, ())))

    lines = None if page.lines is None else tuple(filter(None, map(carried, page.lines)))
    entities, order = page.entities, page.reading_order
    return dataclasses.replace(
        page,
        words=tuple(token.text for token in tokens),
        word_boxes=as_boxes([token.box for token in tokens]),
        lines=lines,
        entities=entities and tuple(dataclasses.replace(one, words=carried(one.words)) for one in entities),
        reading_order=None if order is None else carried(order),
    )


def _count(report: Report, done: dict[str, int]) -> None:
    names = {
        "misread": ("words with a misread character", "word with a misread character"),
        "split": ("words split in two", "word split in two"),
        "merged": ("words merged with the next", "word merged with the next"),
        "dropped": ("words dropped", "word dropped"),
        "moved": ("lines stored elsewhere", "line stored elsewhere"),
    }
    for kind, (many, one) in names.items():
        report.note(f"{many} by the OCR noise", done.get(kind, 0), one=f"{one} by the OCR noise")
