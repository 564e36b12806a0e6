"""Twins: the same page with other words, each set in the place of the one it replaces."""

import bisect
import dataclasses
import random
from functools import lru_cache

from docexp.documents.synthetic.glyphs import Font, stamp
from docexp.documents.synthetic.languages import Vocabulary, vocabulary
from docexp.documents.synthetic.leaf import Leaf
from docexp.documents.synthetic.prose import capital
from docexp.documents.synthetic.sheet import Word

Size = tuple[int, int, int]
"""A word's ink: its width, its height above the baseline and its height below it."""


def twin(leaf: Leaf, rng: random.Random, words: Vocabulary) -> Leaf:
    """The leaf with other words in the same boxes.

    Each word gives way to one whose ink fits into its box with the same left border and baseline: numbers to other
    digits, words to words of the vocabulary with the same capital and the same stops. ``fixed`` words stay, and so do
    the few for which none was found that fits.
    """
    replaced = [
        word if number in leaf.fixed else _other(word, rng, words.language) for number, word in enumerate(leaf.words)
    ]
    return dataclasses.replace(leaf, words=replaced, slots=[word.box for word in leaf.words])


def _other(word: Word, rng: random.Random, language: str) -> Word:
    width, above, below = _size(word.text, word.font)
    if any(letter.isdigit() for letter in word.text):
        candidates = [_digits(word.text, rng, ends=number % 2 == 0) for number in range(24)]
        found = [(_size(text, word.font), text) for text in candidates]
    else:
        bare = word.text.rstrip(".,")
        table = _sizes(language, word.font, bare[:1].isupper(), word.text[len(bare) :])
        end = bisect.bisect_right(table, ((width, above, below), "\U0010ffff"))
        found = table[max(0, end - 80) : end][::-1]
    fitting = [text for (w, a, b), text in found if text != word.text and w <= width and a <= above and b <= below]
    if not fitting:
        return word
    text = rng.choice(fitting[:5])
    return dataclasses.replace(word, text=text, y=word.y + above - stamp(text, word.font).rise)


def _digits(text: str, rng: random.Random, ends: bool) -> str:
    """The text with other digits above 0; where not ``ends`` is set, its first and last characters stay.

    Digits are equally wide but for a word's first and last, of which only the ink counts.
    """
    last = len(text) - 1
    return "".join(
        str(rng.randint(1, 9)) if letter.isdigit() and (ends or place not in (0, last)) else letter
        for place, letter in enumerate(text)
    )


@lru_cache(maxsize=256)
def _sizes(language: str, font: Font, capitalised: bool, stops: str) -> list[tuple[Size, str]]:
    """Some 400 words of a language in one spelling, the narrowest first; more would take seconds in all fonts."""
    words = vocabulary(language).words
    some = words[:: max(1, len(words) // 400)]
    texts = [(capital(word) if capitalised else word) + stops for word in some]
    return sorted((_size(text, font), text) for text in texts)


def _size(text: str, font: Font) -> Size:
    ink = stamp.__wrapped__(text, font)  # thousands of sizes would push the page's own words out of the cache
    return ink.width, ink.rise, ink.height - ink.rise
