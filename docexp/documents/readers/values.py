"""Where a field's value stands among a page's words."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

ALIKE = 0.9
"""Two normalised texts count as one value spelt differently from this similarity on (difflib's ratio)."""

Match = Literal["as it is", "spelt otherwise", "inside longer words", "similar"]


@dataclass(frozen=True)
class Place:
    """Consecutive words that hold a value, and how well they do."""

    words: tuple[int, ...]
    match: Match


def find_value(words: Sequence[str], value: str, taken: Collection[int] = ()) -> list[Place]:
    """All places of the best kind of match that occurs, in the order of the words; empty where there is none.

    Tried in turn: the value's words themselves; the same letters and digits in words cut otherwise; the same within
    longer words, as ``19/10/2018`` in ``DATE:19/10/2018``; and, for values of 8 or more letters and digits, the most
    similar run of words, if it is alike enough.

    Args:
        words: in reading order.
        value: what to look for.
        taken: words that already belong to another value.
    """
    parts = value.split()
    exact = [
        Place(tuple(range(start, start + len(parts))), "as it is")
        for start in range(len(words) - len(parts) + 1)
        if parts and list(words[start : start + len(parts)]) == parts
    ]
    for places in (exact, list(_spelt_otherwise(words, value))):
        free = [place for place in places if not set(place.words) & set(taken)]
        if free:
            whole = [place for place in free if place.match != "inside longer words"]
            return whole or free
    similar = _most_similar(words, value, taken)
    return [similar] if similar else []


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _spelt_otherwise(words: Sequence[str], value: str) -> Iterator[Place]:
    plain = _plain(value)
    if not plain:
        return
    owners: list[int] = []
    letters: list[str] = []
    for number, word in enumerate(words):
        for letter in _plain(word):
            owners.append(number)
            letters.append(letter)
    text = "".join(letters)
    start = text.find(plain)
    while start >= 0:
        stop = start + len(plain)
        first, last = owners[start], owners[stop - 1]
        cut = (start > 0 and owners[start - 1] == first) or (stop < len(owners) and owners[stop] == last)
        # a digit beside the value makes it another number: 5.00 is not in 15.00
        if not (cut and _same_kind(text, start, stop, owners)):
            yield Place(tuple(range(first, last + 1)), "inside longer words" if cut else "spelt otherwise")
        start = text.find(plain, start + 1)


def _same_kind(text: str, start: int, stop: int, owners: list[int]) -> bool:
    """Whether a neighbour in the same word continues the value's first or last letter or digit."""
    before = start > 0 and owners[start - 1] == owners[start] and text[start - 1].isdigit() == text[start].isdigit()
    after = stop < len(text) and owners[stop] == owners[stop - 1] and text[stop].isdigit() == text[stop - 1].isdigit()
    return before or after


def _most_similar(words: Sequence[str], value: str, taken: Collection[int]) -> Place | None:
    plain, count = _plain(value), len(value.split())
    if len(plain) < 8:
        return None
    best, found = ALIKE, None
    parts = [_plain(word) for word in words]
    matcher = SequenceMatcher(b=plain, autojunk=False)
    for size in range(max(1, count - 2), count + 3):
        for start in range(len(words) - size + 1):
            run = range(start, start + size)
            if set(run) & set(taken) or not parts[start] or not parts[start + size - 1]:
                continue
            matcher.set_seq1("".join(parts[start : start + size]))
            if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
                best, found = matcher.ratio(), Place(tuple(run), "similar")
    return found
