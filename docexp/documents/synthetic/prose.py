"""Running text: sentences of a vocabulary's words, with capitals and punctuation."""

import random
from collections.abc import Iterator

from docexp.documents.synthetic.languages import Vocabulary


def sentences(rng: random.Random, words: Vocabulary) -> Iterator[str]:
    """Words without end, in sentences of 5 to 14: the first is capitalised, some have a comma, the last a full stop."""
    while True:
        length = rng.randint(5, 14)
        comma = rng.randrange(2, 2 * length)
        chosen = rng.choices(words.words, k=length)
        yield capital(chosen[0])
        for number, word in enumerate(chosen[1:-1], start=1):
            yield word + "," if number == comma and number < length - 2 else word
        yield chosen[-1] + "."


def headline(rng: random.Random, words: Vocabulary) -> Iterator[str]:
    """Words without end and without stops, the first capitalised."""
    yield capital(rng.choice(words.words))
    while True:
        yield rng.choice(words.words)


def capital(word: str) -> str:
    """The word with its first letter in upper case, unlike ``str.capitalize`` with the others as they are."""
    return word[:1].upper() + word[1:]
